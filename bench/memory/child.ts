/**
 * @file Runs one network in a separate process. Prints one JSON object: predicted memory, and growth of the process.
 * `node --expose-gc bench/memory/child.ts NET [--remat] [--chunk KEYS] [--arena] [--cache FOLDER] [--threads N]
 * [--runs N]`
 */
import { parseArgs } from 'node:util';
import { graphInputs, graphReads } from '../../gpu-runner/compiler/graph.ts';
import { optimize } from '../../gpu-runner/compiler/passes/optimize.ts';
import { createOnnxRuntimeEngine } from '../../gpu-runner/engines/onnxruntime/engine.ts';
import { randomTensors } from '../random-tensors.ts';
import { traceMemoryNet } from './nets.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    remat: { type: 'boolean', default: false },
    chunk: { type: 'string' },
    arena: { type: 'boolean', default: false },
    cache: { type: 'string' },
    threads: { type: 'string', default: '1' },
    runs: { type: 'string', default: '3' },
  },
});

const graph = traceMemoryNet(positionals[0] ?? '', {
  remat: options.remat,
  ...(options.chunk !== undefined && { chunk: Number(options.chunk) }),
});
globalThis.gc?.();
const before = process.memoryUsage.rss();
const engine = createOnnxRuntimeEngine({
  threads: Number(options.threads),
  arena: options.arena,
  ...(options.cache && { cacheFolder: options.cache }),
});
const optimized = optimize(graph, engine);
const executable = await engine.compile(optimized);
const state = engine.createState(randomTensors(graphReads(graph), 0.05));
const feeds = randomTensors(graphInputs(graph), 1);
let ms = Number.POSITIVE_INFINITY;
for (let run = 0; run < Number(options.runs); run++) {
  const start = performance.now();
  await executable.run(state, feeds);
  ms = Math.min(ms, performance.now() - start);
}
const measured = process.resourceUsage().maxRSS * 1024 - before;
console.log(
  JSON.stringify({
    nodes: optimized.nodes.length,
    predicted: executable.peakBytes,
    measured,
    ms: Number(ms.toFixed(1)),
  }),
);
