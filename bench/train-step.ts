/**
 * @file Time of one forward and backward pass, as a ratio to the engine's own peak: the fastest square matrix product
 * of 512 to 2048 in the same run.
 * `node bench/train-step.ts [--net lab|demo|demo-cross|demo-256|small|tiny] [--engine onnxruntime/cpu]
 * [--precision f32] [--threads N] [--runs N] [--peak-sizes 512,1024,2048] [--peer torch] [--profile] [--json]`
 * On a GPU in software: `--net tiny --peak-sizes 128 --runs 1`.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { traceNet } from './nets.ts';
import { profileGraph } from './profile.ts';
import { countParams, measurePeak, timeGraph } from './timing.ts';
import { PEER_NETS, timeTorch } from './torch-peer.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'lab' },
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

const net = options.net;
const graph = traceNet(net);
if (options.peer !== undefined && (options.peer !== 'torch' || !PEER_NETS.includes(net))) {
  throw new Error(`--peer ${options.peer} on ${net}: expected torch, on one of ${PEER_NETS.join(', ')}`);
}
const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const engine = await openEngine(spec);
const runs = Number(options.runs);
const profile = options.profile ? await profileGraph(spec, graph, runs) : [];
const peakSizes = options['peak-sizes'].split(',').map(Number);
const before = await measurePeak(engine, runs, peakSizes);
const first = await timeGraph(engine, graph, runs);
const peers = options.peer === undefined ? [] : await timeTorch(net, countParams(graph), spec.threads, runs);
// Measured before and after the peer, so that other load on the machine is less likely to decide.
const ms = peers.length === 0 ? first : Math.min(first, await timeGraph(engine, graph, runs));
const after = await measurePeak(engine, runs, peakSizes);
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
const ratios = peers.map(peer => ({
  peer: `torch ${peer.version} ${peer.mode}`,
  /** Time of the peer divided by our time. */
  ratio: Number((peer.ms / ms).toFixed(2)),
}));
const kinds = profile.map(({ kind, ms, count, share }) => ({
  bench: 'train-step-profile',
  net,
  engine: spec.name,
  precision: spec.precision,
  kind,
  ms: Number(ms.toFixed(2)),
  count,
  /** Share of the time of all operations. */
  share: Number(share.toFixed(3)),
}));
if (options.json) {
  for (const ratio of ratios.length === 0 ? [{}] : ratios) console.log(JSON.stringify({ ...row, ...ratio }));
  for (const kind of kinds) console.log(JSON.stringify(kind));
} else {
  const sizes = `${graph.nodes.length} nodes, ${(countFlops(graph) / 1e9).toFixed(1)} GFLOP`;
  console.log(`${net} network, ${countParams(graph)} parameters, forward and backward, ${sizes}`);
  console.log(`${spec.name} ${spec.precision}, ${spec.threads} threads: ${row.ms} ms, ${row.gflops} GFLOP/s`);
  console.log(`of the GEMM peak in this run (${peak.gflops.toFixed(0)} GFLOP/s at ${peak.size}): ${row.of_peak}`);
  for (const { peer, ratio } of ratios) console.log(`${ratio} times as fast as ${peer}`);
  for (const { kind, ms, count, share } of kinds) {
    const percent = (100 * share).toFixed(1).padStart(5);
    console.log(`${percent} %  ${ms.toFixed(2).padStart(9)} ms  ${String(count).padStart(5)}  ${kind}`);
  }
}
