/**
 * @file Time of one forward and backward pass, and its ratio to the engine's own peak: the best square matrix product of 512 to 2048 in the
 * same run. `node bench/train-step.ts [--net lab|demo|demo-256|small] [--engine onnxruntime/cpu] [--precision f32] [--threads N] [--runs N] [--peer torch] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Engine } from '../gpu-runner/compiler/engine.ts';
import * as f from '../gpu-runner/compiler/functions.ts';
import { type Graph, graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { mixPrecision } from '../gpu-runner/compiler/passes/mixed-precision.ts';
import { sizeOf } from '../gpu-runner/compiler/tensor.ts';
import { trace } from '../gpu-runner/compiler/trace.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { traceLabNet } from './lab-net.ts';
import { MODEL_NETS, type ModelNet, traceModelNet } from './model-nets.ts';
import { randomTensors } from './random-tensors.ts';
import { timeTorch } from './torch-peer.ts';

const modelNets: Readonly<Record<string, ModelNet>> = MODEL_NETS;
const netNames = ['lab', ...Object.keys(MODEL_NETS)];

function traceNet(name: string): Graph {
  const model = modelNets[name];
  if (model) return traceModelNet(model).graph;
  if (name === 'lab') return traceLabNet().graph;
  throw new Error(`--net ${name}: expected one of ${netNames.join(', ')}`);
}

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'lab' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    peer: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Multiply-adds of all matrix products, times two. */
function countFlops(graph: Graph): number {
  let flops = 0;
  for (const node of graph.nodes) {
    if (node.op !== 'matmul') continue;
    const [a] = node.inputs;
    const operand = graph.nodes[a ?? -1];
    const inner = operand?.shape.at(node.attrs.transposeA ? -2 : -1) ?? 0;
    flops += 2 * sizeOf(node.shape) * inner;
  }
  return flops;
}

/** Milliseconds of the fastest of `runs`, after two that do not count. */
async function timeGraph(engine: Engine, graph: Graph, runs: number): Promise<number> {
  const state = engine.createState(randomTensors(graphReads(graph), 0.05));
  const feeds = randomTensors(graphInputs(graph), 1);
  const executable = await engine.compile(mixPrecision(graph, engine.precision));
  let best = Number.POSITIVE_INFINITY;
  for (let run = -2; run < runs; run++) {
    const start = performance.now();
    await executable.run(state, feeds);
    if (run >= 0) best = Math.min(best, performance.now() - start);
  }
  await executable.dispose();
  state.dispose();
  return best;
}

async function measurePeak(engine: Engine, runs: number): Promise<{ readonly gflops: number; readonly size: number }> {
  let peak = { gflops: 0, size: 0 };
  for (const size of [512, 1024, 2048]) {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [size, size], dtype: 'f32' });
      const w = builder.state('w', { shape: [size, size], dtype: 'f32' });
      return { outputs: {}, writes: { y: f.matmul(x, w) } };
    });
    const gflops = countFlops(graph) / 1e6 / (await timeGraph(engine, graph, runs));
    if (gflops > peak.gflops) peak = { gflops, size };
  }
  return peak;
}

const net = options.net;
const graph = traceNet(net);
if (options.peer !== undefined && (options.peer !== 'torch' || net !== 'lab')) {
  throw new Error(`--peer ${options.peer} on ${net}: expected torch, on the lab network`);
}
const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
  micro_batch: 1,
});
const engine = await openEngine(spec);
const runs = Number(options.runs);
const before = await measurePeak(engine, runs);
const ms = await timeGraph(engine, graph, runs);
const after = await measurePeak(engine, runs);
const peak = before.gflops > after.gflops ? before : after;
const gflops = countFlops(graph) / 1e6 / ms;
await engine.dispose();

const row = {
  bench: 'train-step',
  net,
  engine: spec.name,
  precision: spec.precision,
  ms: Number(ms.toFixed(1)),
  gflops: Number(gflops.toFixed(1)),
  of_peak: Number((gflops / peak.gflops).toFixed(3)),
};
const peers = options.peer === undefined ? [] : await timeTorch(spec.threads, runs);
const ratios = peers.map(peer => ({
  peer: `torch ${peer.version} ${peer.mode}`,
  /** How many times as fast as the peer. */
  ratio: Number((peer.ms / ms).toFixed(2)),
}));
if (options.json) {
  for (const ratio of ratios.length === 0 ? [{}] : ratios) console.log(JSON.stringify({ ...row, ...ratio }));
} else {
  console.log(
    `${net} network, forward and backward, ${graph.nodes.length} nodes, ${(countFlops(graph) / 1e9).toFixed(1)} GFLOP`,
  );
  console.log(`${spec.name} ${spec.precision}, ${spec.threads} threads: ${row.ms} ms, ${row.gflops} GFLOP/s`);
  console.log(`of the GEMM peak in this run (${peak.gflops.toFixed(0)} GFLOP/s at ${peak.size}): ${row.of_peak}`);
  for (const { peer, ratio } of ratios) console.log(`${ratio} times as fast as ${peer}`);
}
