import { afterAll, describe, expect, it } from 'vitest';
import type { Engine } from '../compiler/engine.ts';
import * as f from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import { emptyTensor, sizeOf, type Tensor, tensorOf } from '../compiler/tensor.ts';
import { OP_CASES, type OpCase, weightedSum } from '../compiler/testing/cases.ts';
import { randomValues } from '../compiler/testing/random.ts';
import { trace } from '../compiler/trace.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/engine.ts';
import { createReferenceEngine } from './reference/engine.ts';

const reference = createReferenceEngine();
const engines: readonly Engine[] = [createOnnxRuntimeEngine({ threads: 1 })];

function traceCase(testCase: OpCase) {
  return trace(builder => {
    const inputs = testCase.inputs.map(({ shape, dtype = 'f32' }, i) => builder.input(`x${i}`, { shape, dtype }));
    const y = testCase.build(inputs);
    const gradients = grad(
      weightedSum(y),
      inputs.filter(input => input.dtype === 'f32'),
    );
    return { outputs: { y, ...Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) } };
  });
}

function feedsOf(testCase: OpCase): Record<string, Tensor> {
  return Object.fromEntries(
    testCase.inputs.map(({ shape, range, dtype = 'f32' }, i) => {
      const tensor = emptyTensor({ shape, dtype });
      tensor.data.set(randomValues(sizeOf(shape), i + 1, range));
      return [`x${i}`, tensor];
    }),
  );
}

async function runOnce(engine: Engine, graph: ReturnType<typeof trace>, feeds: Record<string, Tensor>) {
  const state = engine.createState({});
  const executable = await engine.compile(graph);
  try {
    return await executable.run(state, feeds);
  } finally {
    await executable.dispose();
    state.dispose();
  }
}

describe.each(engines)('$name', engine => {
  afterAll(() => engine.dispose());

  it.each(OP_CASES)('$name, forward and gradient, agrees with the reference', async testCase => {
    const graph = traceCase(testCase);
    const feeds = feedsOf(testCase);
    const expected = await runOnce(reference, graph, feeds);
    const actual = await runOnce(engine, graph, feeds);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, tensor] of Object.entries(expected)) {
      const scale = Math.max(...tensor.data.map(Math.abs), 1e-3);
      const error = Math.max(...tensor.data.map((x, i) => Math.abs(x - (actual[name]?.data[i] ?? Number.NaN))));
      expect(error / scale, name).toBeLessThan(2e-6);
    }
  });

  it('reads and writes named state, and swaps only after the run', async () => {
    const graph = trace(builder => {
      const w = builder.state('w', { shape: [2], dtype: 'f32' });
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      return { outputs: { before: f.mul(w, 1.5) }, writes: { w: f.add(w, x) } };
    });
    const state = engine.createState({ w: tensorOf([2], [1, 2]) });
    const executable = await engine.compile(graph);
    for (const expected of [
      [1.5, 3],
      [16.5, 33],
      [31.5, 63],
    ]) {
      const { before } = await executable.run(state, { x: tensorOf([2], [10, 20]) });
      expect([...(before?.data ?? [])]).toEqual(expected);
    }
    expect([...((await state.read()).w?.data ?? [])]).toEqual([31, 62]);
    await executable.dispose();
  });

  it('makes state that a graph writes and nobody created', async () => {
    const graph = trace(builder => ({
      outputs: {},
      writes: { made: f.mul(builder.input('x', { shape: [1], dtype: 'f32' }), 2) },
    }));
    const state = engine.createState({});
    await (await engine.compile(graph)).run(state, { x: tensorOf([1], [4]) });
    expect((await state.read(['made'])).made?.data[0]).toBe(8);
  });

  it('leaves no trace of the value that select did not take, not even NaN', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const y = builder.input('y', { shape: [2], dtype: 'f32' });
      return { outputs: { z: f.select(f.less(x, 0), x, y) } };
    });
    const feeds = { x: tensorOf([2], [Number.NaN, -1]), y: tensorOf([2], [1, Number.NaN]) };
    expect([...((await runOnce(engine, graph, feeds)).z?.data ?? [])]).toEqual([1, -1]);
  });

  it('names the input that is missing or of another shape', async () => {
    const graph = trace(builder => ({ outputs: { y: f.exp(builder.input('x', { shape: [2], dtype: 'f32' })) } }));
    await expect(runOnce(engine, graph, {})).rejects.toThrow('input "x" (f32[2]) was not given');
    await expect(runOnce(engine, graph, { x: tensorOf([3], [1, 2, 3]) })).rejects.toThrow('expected f32[2]');
  });
});
