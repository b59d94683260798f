/**
 * @file Pictures and tokens per second of an encoder of pictures with random weights, and its speed as a share of the
 * engine's own peak: the fastest square matrix product, by turns in the same run. A DINO is also run by PyTorch, if a
 * Python has torch and transformers.
 * `node bench/encoder.ts [--net efficientnet-lite0] [--size 64,128,224] [--stride N] [--engine onnxruntime/cpu]
 * [--precision f32] [--threads N] [--runs N] [--peak-sizes 512,1024,2048] [--peer torch] [--profile] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { DINO_NETS, DINO_STRIDE } from '../configs/dino.ts';
import type { Engine } from '../gpu-runner/compiler/engine.ts';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import { graphReads } from '../gpu-runner/compiler/graph.ts';
import { dinoProgram } from '../gpu-runner/encoders/dino.ts';
import { LITE0 } from '../gpu-runner/encoders/efficientnet/network.ts';
import { makeRandomWeights } from '../gpu-runner/encoders/efficientnet/testing/random-weights.ts';
import { PATCH_STAGE, readPictureNet } from '../gpu-runner/encoders/efficientnet-lite.ts';
import type { PictureNet } from '../gpu-runner/encoders/picture-programs.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { profileGraph } from './profile.ts';
import { Contestant, takeTurns, traceProduct } from './timing.ts';
import { timeDino } from './torch-dino.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'efficientnet-lite0' },
    size: { type: 'string', default: '64,128,224' },
    stride: { type: 'string' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    'peak-sizes': { type: 'string', default: '512,1024,2048' },
    peer: { type: 'string' },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const engine = await openEngine(spec);
const runs = Number(options.runs);
const peakSizes = options['peak-sizes'].split(',').map(Number);
const { net, stride, dino } = openNet(options.net, engine);
for (const side of options.size.split(',').map(Number)) {
  const size = { height: side, width: side };
  const batch = net.batchOf(size);
  const graph = net.trace(batch, size);
  const graphs = [graph, ...peakSizes.map(traceProduct)];
  // The peer has the machine for itself: its threads would wait beside ours.
  const peers =
    options.peer !== undefined && dino
      ? await timeDino(dino, { batch, ...size }, Number(options.threads), Math.min(runs, 3))
      : [];
  const contestants: Contestant[] = [];
  for (const each of graphs) contestants.push(await Contestant.prepare(engine, each));
  await takeTurns(contestants, runs);
  const speeds = contestants.map(({ fastest }, i) => countFlops(graphs[i] ?? graph) / 1e6 / fastest);
  const [gflops = Number.NaN, ...products] = speeds;
  const peak = Math.max(...products);
  const ms = contestants[0]?.fastest ?? Number.NaN;
  for (const contestant of contestants) await contestant.dispose();
  const pictures = (1000 * batch) / ms;
  const row = {
    bench: 'encoder',
    net: `${options.net} ${side} px, stride ${stride}`,
    engine: spec.name,
    precision: spec.precision,
    threads: spec.threads,
    batch,
    ms: Number(ms.toFixed(1)),
    pictures_per_second: Number(pictures.toPrecision(3)),
    tokens_per_second: Number((pictures * (side / stride) ** 2).toFixed(0)),
    gflops: Number(gflops.toFixed(1)),
    of_peak: Number((gflops / peak).toFixed(3)),
    params: [...graphReads(graph).values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  };
  if (options.json) console.log(JSON.stringify(row));
  else {
    console.log(
      `${row.net} on ${row.engine} ${row.precision}, ${row.threads} threads: ${row.pictures_per_second} pictures/s, ` +
        `${row.tokens_per_second} tokens/s (${batch} at once in ${row.ms} ms); ${row.gflops} GFLOP/s, ${row.of_peak} ` +
        `of the peak ${peak.toFixed(0)}`,
    );
  }
  for (const { mode, version, ms: theirs } of peers) {
    const peer = { ...row, peer: `torch ${version} ${mode}`, ms: Number(theirs.toFixed(1)), ratio: theirs / ms };
    if (options.json) console.log(JSON.stringify({ ...peer, ratio: Number(peer.ratio.toFixed(2)) }));
    else console.log(`  ${peer.peer}: ${peer.ms} ms, ${peer.ratio.toFixed(2)} times ours`);
  }
  if (options.profile) {
    for (const { kind, ms: kindMs, share } of await profileGraph(spec, graph, 2)) {
      if (share > 0.01) console.log(`  ${(100 * share).toFixed(0).padStart(3)} % ${kind} (${kindMs.toFixed(0)} ms)`);
    }
  }
}
await engine.dispose();

function openNet(name: string, on: Engine) {
  const dino = DINO_NETS.find(each => each.name === name);
  if (dino === undefined) {
    const stride = Number(options.stride ?? 8);
    return { net: readPictureNet(LITE0, PATCH_STAGE, makeRandomWeights(LITE0), stride), stride, dino };
  }
  const stride = Number(options.stride ?? DINO_STRIDE);
  const own = { inner: 4 * dino.hidden, isGated: false };
  const shape =
    'rotaryBase' in dino
      ? { ...dino, ...own, registers: 4, table: undefined }
      : // Trained at 518 pixels.
        { ...dino, ...own, registers: 0, table: 37 };
  const net: PictureNet = dinoProgram(shape, on, { stride, layers: 1 });
  return { net, stride, dino };
}
