import { afterAll, describe, expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import type { DType } from '../../compiler/tensor.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { OP_CASES } from '../../compiler/testing/cases.ts';
import { trace } from '../../compiler/trace.ts';
import { tinyConfig, tinySource } from '../../training/testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from '../../training/trainer.ts';
import { createOnnxRuntimeEngine } from '../onnxruntime/engine.ts';
import { feedsOf, runOnce, traceCase } from '../testing/conformance.ts';
import { tf } from './backend.ts';
import { createTensorflowEngine, probeTensorflow } from './engine.ts';

const engine = await createTensorflowEngine({ threads: 1 });
afterAll(() => engine.dispose());

/** w += exp(x); returns sum(w) before the update. */
const accumulate = trace(builder => {
  const w = builder.state('w', { shape: [3], dtype: 'f32' });
  const x = builder.input('x', { shape: [3], dtype: 'f32' });
  return { outputs: { sum: f.sumAll(w) }, writes: { w: f.add(w, f.exp(x)), copy: w, x } };
});

describe('memory of TensorFlow.js', () => {
  it('all tensors are freed: after every case, after runs that write state, and at the end', async () => {
    const before = tf.memory().numTensors;
    for (const testCase of OP_CASES) await runOnce(engine, traceCase(testCase), feedsOf(testCase));
    expect(tf.memory().numTensors).toBe(before);

    const state = engine.createState({ w: tensorOf([3], [1, 2, 3]) });
    const executable = await engine.compile(accumulate);
    await executable.run(state, { x: tensorOf([3], [0, 0, 0]) });
    const { numTensors, numBytes } = tf.memory();
    for (let i = 0; i < 5; i++) await executable.run(state, { x: tensorOf([3], [0, 0, 0]) });
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    expect([...((await state.read(['w'])).w?.data ?? [])]).toEqual([7, 8, 9]);
    await executable.dispose();
    state.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a failed run leaks no tensors and keeps the state', async () => {
    const state = engine.createState({ w: tensorOf([3], [1, 2, 3]) });
    // "late" is the last node to be read, after other values exist.
    const graph = trace(builder => {
      const made = f.exp(builder.state('w', { shape: [3], dtype: 'f32' }));
      return { outputs: { y: f.add(made, builder.input('late', { shape: [3], dtype: 'f32' })) }, writes: { w: made } };
    });
    const executable = await engine.compile(graph);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) await expect(executable.run(state, {})).rejects.toThrow('input "late" (f32[3])');
    expect(tf.memory().numTensors).toBe(before);
    expect([...((await state.read()).w?.data ?? [])]).toEqual([1, 2, 3]);
    await executable.dispose();
    state.dispose();
  });

  it('no tensor shares an array with the caller', async () => {
    const w = tensorOf([3], [1, 2, 3]);
    const x = tensorOf([3], [0, 0, 0]);
    const state = engine.createState({ w });
    const executable = await engine.compile(accumulate);
    await executable.run(state, { x });
    w.data.fill(9);
    x.data.fill(9);
    (await state.read()).x?.data.fill(9);
    const { copy, x: kept } = await state.read();
    expect([...(copy?.data ?? []), ...(kept?.data ?? [])]).toEqual([1, 2, 3, 0, 0, 0]);
    await executable.dispose();
    state.dispose();
  });
});

describe('dtypes', () => {
  it.each<DType>(['f16', 'bf16'])('%s is refused, and the error names the place in the model', async dtype => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      return { outputs: { y: builder.scope('block 3 / mlp', () => f.cast(f.cast(x, dtype), 'f32')) } };
    });
    await expect(engine.compile(graph)).rejects.toThrow(
      `the engine tensorflow has no ${dtype}: cast in block 3 / mlp is ${dtype}[2]`,
    );
  });

  it('i32 division truncates towards zero, and a cast to f32 rounds', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [4], dtype: 'i32' });
      const y = builder.input('y', { shape: [4], dtype: 'i32' });
      return { outputs: { quotient: f.div(x, y), float: f.cast(x, 'f32') } };
    });
    const { quotient, float } = await runOnce(engine, graph, {
      x: { shape: [4], dtype: 'i32', data: Int32Array.of(-7, 7, 16777217, 0) },
      y: { shape: [4], dtype: 'i32', data: Int32Array.of(2, -2, 1, 5) },
    });
    expect([...(quotient?.data ?? [])].map(x => x + 0)).toEqual([-3, -3, 16777217, 0]);
    expect(float?.data).toEqual(Float32Array.of(-7, 7, 16777216, 0));
  });
});

it('runs on one thread only, and reports its backend and why better ones are not used', async () => {
  await expect(createTensorflowEngine({ threads: 2 })).rejects.toThrow('does not run on 2 threads');
  const probe = await probeTensorflow();
  expect(probe).toMatchObject({ name: 'tensorflow', available: true, threads: 1 });
  expect(probe.version).toContain(tf.version_core);
  if (tf.getBackend() === 'cpu') expect(probe.reason).toContain('@tensorflow/tfjs-node-gpu: ');
});

it('trains like ONNX Runtime, and two trainings give the same bits', async () => {
  const config = tinyConfig({ model: { depth: 1 }, data: { batch_size: 2 } });
  const train = async (on: typeof engine) => {
    const trainer = new Trainer(on, config, tinySource(), 2, EMPTY_PROGRESS);
    const reports = [await trainer.step(), await trainer.step()];
    const { model } = await trainer.tensors();
    await trainer.dispose();
    return { reports, model };
  };
  const before = tf.memory().numTensors;
  const actual = await train(engine);
  expect(tf.memory().numTensors).toBe(before);
  const expected = await train(createOnnxRuntimeEngine({ threads: 1 }));
  for (const [i, report] of expected.reports.entries()) {
    expect(actual.reports[i]?.loss).toBeCloseTo(report.loss, 5);
    expect(actual.reports[i]?.grad_norm).toBeCloseTo(report.grad_norm, 4);
  }
  for (const [name, { data }] of Object.entries(expected.model)) {
    const error = Math.max(...data.map((x, i) => Math.abs(x - (actual.model[name]?.data[i] ?? Number.NaN))));
    expect(error, name).toBeLessThan(1e-4);
  }
  expect(await train(engine)).toEqual(actual);
});
