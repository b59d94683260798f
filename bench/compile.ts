/**
 * @file Time from the config of the production network to a program: tracing and differentiation, optimization, and
 * compilation by ONNX Runtime, the first time and from the cache on disk.
 * `node bench/compile.ts [--net prod|small|demo] [--runs N] [--json]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { optimize } from '../gpu-runner/compiler/passes/optimize.ts';
import { createOnnxRuntimeEngine } from '../gpu-runner/engines/onnxruntime/engine.ts';
import { traceNet } from './nets.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'prod' },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});

const fastest = new Map<string, number>();

async function time<T>(stage: string, work: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  fastest.set(stage, Math.min(fastest.get(stage) ?? Number.POSITIVE_INFINITY, performance.now() - start));
  return result;
}

let nodes = 0;
for (let run = 0; run < Number(options.runs); run++) {
  const cacheFolder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  try {
    const engine = createOnnxRuntimeEngine({ threads: availableParallelism(), cacheFolder });
    const graph = await time('trace and differentiate', () => traceNet(options.net));
    const optimized = await time('optimize', () => optimize(graph, engine));
    nodes = optimized.nodes.length;
    await (await time('compile, cold', () => engine.compile(optimized))).dispose();
    await (await time('compile, from disk', () => engine.compile(optimized))).dispose();
    await engine.dispose();
  } finally {
    rmSync(cacheFolder, { recursive: true });
  }
}
if (!options.json) console.log(`${options.net}: ${nodes} nodes`);
const cold = fastest.get('compile, cold') ?? Number.NaN;
for (const [stage, ms] of fastest) {
  const row = {
    bench: 'compile',
    net: options.net,
    engine: 'onnxruntime/cpu',
    precision: 'f32',
    ms: Number(ms.toFixed(0)),
    peer: `compile, cold: ${stage}`,
    /** Time divided by that of the first compilation. */
    ratio: Number((ms / cold).toFixed(3)),
  };
  if (options.json) console.log(JSON.stringify(row));
  else console.log(`${stage}: ${row.ms} ms`);
}
