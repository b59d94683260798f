import { platform } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type MeasureOptions, measureMemory } from '../bench/memory/measure-memory.ts';
import { traceMemoryNet } from '../bench/memory/nets.ts';
import { randomTensors } from '../bench/random-tensors.ts';
import { graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { createOnnxRuntimeEngine } from '../gpu-runner/engines/onnxruntime/engine.ts';
import { predictPeakBytes } from '../gpu-runner/engines/onnxruntime/memory.ts';
import { takesAll } from './whole-suite.ts';

const options: MeasureOptions = { remat: false, arena: false, threads: 1, runs: 2 };
const off = (report: { readonly predicted: number; readonly measured: number }) =>
  Math.abs(report.predicted / report.measured - 1);

// The C library of other systems keeps freed memory, and they count otherwise what a process holds.
describe.runIf(platform() === 'linux')('the peak of a process', { timeout: 120_000 }, () => {
  const nets: [string, number][] = [['lab', 0.6]];
  if (takesAll('the peak memory of mlp')) nets.push(['mlp', 0.7]);
  it.each(nets)(
    'the peak memory of %s is within 10 % of the prediction, with and without remat',
    async (net, share) => {
      const kept = await measureMemory(net, options);
      const again = await measureMemory(net, { ...options, remat: true });
      expect(off(kept)).toBeLessThan(0.1);
      expect(off(again)).toBeLessThan(0.1);
      expect(again.measured).toBeLessThan(share * kept.measured);
    },
  );

  it('the peak memory of attention in chunks is within 10 % of the prediction', async () => {
    const report = await measureMemory('attention-2048', { ...options, chunk: 512 });
    expect(off(report)).toBeLessThan(0.1);
  });
});

describe('attention in chunks, 1024 queries and 1200 keys of 4 heads', () => {
  const graphOf = (chunk?: number) =>
    traceMemoryNet('attention-1024', { remat: false, ...(chunk !== undefined && { chunk }) });

  it('attention in chunks is predicted to take less memory than whole attention', () => {
    // Two thirds of what is left are queries, keys, values and their gradients, twice, and the process itself.
    expect(predictPeakBytes(graphOf(256))).toBeLessThan(0.75 * predictPeakBytes(graphOf()));
  });

  it('attention in chunks gives the gradients of whole attention, except for rounding', async () => {
    const engine = createOnnxRuntimeEngine({ threads: 2 });
    const run = async (chunk?: number) => {
      const graph = graphOf(chunk);
      const state = engine.createState(randomTensors(graphReads(graph), 1));
      const executable = await engine.compile(graph);
      const { loss } = await executable.run(state, randomTensors(graphInputs(graph), 1));
      const gradients = await state.read(Object.keys(graph.writes));
      await executable.dispose();
      return { loss, ...gradients };
    };
    const [whole, chunked] = [await run(), await run(256)];
    expect(Object.keys(chunked)).toEqual(['loss', 'dq', 'dk', 'dv']);
    for (const [name, tensor] of Object.entries(whole)) {
      let [scale, error] = [0, 0];
      for (const [i, x] of (tensor?.data ?? []).entries()) {
        scale = Math.max(scale, Math.abs(x));
        error = Math.max(error, Math.abs(x - (chunked[name as keyof typeof chunked]?.data[i] ?? Number.NaN)));
      }
      expect(error / scale, name).toBeLessThan(1e-5);
    }
  });
});
