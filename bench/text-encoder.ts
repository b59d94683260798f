/**
 * @file Tokens per second of the text encoders, their speed as a share of the engine's own peak (the fastest square
 * matrix product of 512 to 2048, by turns in the same run), and PyTorch's speed on the same network. Weights are
 * random. On a machine with other load, wall time says little: take one thread, and compare the processor's time.
 *
 * `node bench/text-encoder.ts [--net minilm-l6,t5-base,t5-large] [--length 64,256] [--tokens 1024]
 * [--engine onnxruntime/cpu] [--precision f32] [--threads N] [--runs N] [--peak-sizes 512,1024,2048] [--peer torch]
 * [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Engine, Executable, State, Tensors } from '../gpu-runner/compiler/engine.ts';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import { cast, matmul } from '../gpu-runner/compiler/functions.ts';
import type { Graph } from '../gpu-runner/compiler/graph.ts';
import { graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { optimize } from '../gpu-runner/compiler/passes/optimize.ts';
import { trace } from '../gpu-runner/compiler/trace.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { randomTensors } from './random-tensors.ts';
import { TEXT_NETS } from './text-nets.ts';
import { runPython } from './torch-peer.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: Object.keys(TEXT_NETS).join() },
    length: { type: 'string', default: '64,256' },
    tokens: { type: 'string', default: '1024' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '5' },
    'peak-sizes': { type: 'string', default: '512,1024,2048' },
    peer: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** A compiled graph, and the least wall and processor time of its runs. */
class Timed {
  readonly #executable: Executable;
  readonly #state: State;
  readonly #feeds: Tensors;
  readonly gflop: number;
  ms = Number.POSITIVE_INFINITY;
  cpuMs = Number.POSITIVE_INFINITY;

  private constructor(executable: Executable, state: State, feeds: Tensors, gflop: number) {
    this.#executable = executable;
    this.#state = state;
    this.#feeds = feeds;
    this.gflop = gflop;
  }

  static async prepare(engine: Engine, graph: Graph, tensors: Tensors): Promise<Timed> {
    const executable = await engine.compile(optimize(graph, engine));
    const feeds = randomTensors(graphInputs(graph), 1);
    return new Timed(executable, engine.createState(tensors), feeds, countFlops(graph) / 1e9);
  }

  async run(counts: boolean): Promise<void> {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await this.#executable.run(this.#state, this.#feeds);
    if (!counts) return;
    const { user, system } = process.cpuUsage(used);
    this.ms = Math.min(this.ms, performance.now() - start);
    this.cpuMs = Math.min(this.cpuMs, (user + system) / 1000);
  }

  async dispose(): Promise<void> {
    await this.#executable.dispose();
    this.#state.dispose();
  }
}

/** A product of two square matrices, of which one is kept in the precision, as the weights are. */
function traceKeptProduct(size: number): Graph {
  const dtype = precision === 'bf16' ? 'bf16' : 'f32';
  return trace(builder => {
    const x = builder.input('x', { shape: [size, size], dtype: 'f32' });
    const w = cast(builder.state('w', { shape: [size, size], dtype }), 'f32');
    return { outputs: { y: matmul(x, w, { transposeB: true }) } };
  });
}

const peerSchema = z.strictObject({ mode: z.string(), version: z.string(), ms: z.number(), cpu_ms: z.number() });

async function timePeer(net: string, batch: number, length: number): Promise<z.infer<typeof peerSchema>[]> {
  if (options.peer === undefined) return [];
  const numbers = { batch, length, threads: options.threads, runs: options.runs };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { lines, errors, status } = await runPython('text_torch.py', ['--net', net, ...args]);
  if (status !== 0) console.error(`PyTorch did not run: ${errors.split('\n').at(-1)}`);
  return lines.map(line => peerSchema.parse(JSON.parse(line)));
}

const { engine: name, precision } = options;
const threads = Number(options.threads);
const engine = await openEngine(engineSpecSchema.parse({ name, precision, threads }));
const peakSizes = options['peak-sizes'].split(',').map(Number);
const round = (value: number, digits = 1) => Number(value.toFixed(digits));
// A core alone: the processor's time is that of the work, whatever else runs.
const timeOf = ({ ms, cpuMs }: Pick<Timed, 'ms' | 'cpuMs'>) => (threads === 1 ? cpuMs : ms);

for (const net of options.net.split(',')) {
  const make = TEXT_NETS[net];
  if (make === undefined) throw new Error(`--net ${net}: expected some of ${Object.keys(TEXT_NETS).join(', ')}`);
  const text = make(engine);
  for (const length of options.length.split(',').map(Number)) {
    const batch = Math.max(1, Math.floor(Number(options.tokens) / length));
    const own = await Timed.prepare(engine, text.trace(batch, length), text.state);
    const products = await Promise.all(
      peakSizes
        .map(traceKeptProduct)
        .map(graph => Timed.prepare(engine, graph, randomTensors(graphReads(graph), 0.05))),
    );
    for (let round = -1; round < Number(options.runs); round++) {
      for (const each of [own, ...products]) await each.run(round >= 0);
    }
    const speed = (each: Timed) => (1000 * each.gflop) / timeOf(each);
    const peak = Math.max(...products.map(speed));
    const peers = await timePeer(net, batch, length);
    const ms = timeOf(own);
    const row = {
      bench: 'text-encoder',
      net: `${net}, ${batch} x ${length} tokens`,
      engine: name,
      precision,
      threads,
      time: threads === 1 ? 'cpu' : 'wall',
      ms: round(ms),
      tokens_per_second: Math.round((1000 * batch * length) / ms),
      gflops: round(speed(own)),
      of_peak: round(speed(own) / peak, 3),
    };
    const against = peers.map(peer => {
      const other = threads === 1 ? peer.cpu_ms : peer.ms;
      return { peer: `torch ${peer.version} ${peer.mode}`, peer_ms: round(other), ratio: round(other / ms, 2) };
    });
    if (options.json) {
      for (const each of against.length > 0 ? against : [{}]) console.log(JSON.stringify({ ...row, ...each }));
    } else {
      const told = against.map(({ peer, ratio }) => `; ${ratio} x ${peer}`).join('');
      console.log(
        `${row.net} on ${name} ${precision}, ${threads} threads: ${row.tokens_per_second} tokens/s, ${row.gflops} ` +
          `GFLOP/s, ${row.of_peak} of the peak ${peak.toFixed(0)}${told}`,
      );
    }
    for (const each of [own, ...products]) await each.dispose();
  }
}
await engine.dispose();
