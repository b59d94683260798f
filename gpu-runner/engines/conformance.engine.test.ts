import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsTier } from '../../test/tiers.ts';
import { takesAll } from '../../test/whole-suite.ts';
import type { Engine } from '../compiler/engine.ts';
import * as f from '../compiler/functions.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { OP_CASES } from '../compiler/testing/cases.ts';
import { trace } from '../compiler/trace.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/engine.ts';
import { createReferenceEngine } from './reference/engine.ts';
import { ENGINE_ROWS, measureCase, PRODUCT_CASES, runOnce, SHORT_TOLERANCES } from './testing/conformance.ts';

const reference = createReferenceEngine();
const rows = await Promise.all(ENGINE_ROWS.map(async row => ({ ...row, status: await row.probe() })));

const running = rows.filter(({ tier, status }) =>
  runsTier(tier, status.available ? undefined : (status.reason ?? 'unknown reason')),
);

describe.each(running)('$name', ({ open, tolerance }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.dispose());

  it.each(OP_CASES)('$name, forward and gradient, agrees with the reference', async testCase => {
    for (const [name, error] of Object.entries(await measureCase(engine, reference, testCase))) {
      expect(error, name).toBeLessThan(tolerance);
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
    state.dispose();
  });

  it('creates state that a graph writes for the first time', async () => {
    const graph = trace(builder => ({
      outputs: {},
      writes: { made: f.mul(builder.input('x', { shape: [1], dtype: 'f32' }), 2) },
    }));
    const state = engine.createState({});
    const executable = await engine.compile(graph);
    await executable.run(state, { x: tensorOf([1], [4]) });
    expect((await state.read(['made'])).made?.data[0]).toBe(8);
    await executable.dispose();
    state.dispose();
  });

  it('gives state that a run wrote another name, and frees it', async () => {
    const x = { shape: [1], dtype: 'f32' } as const;
    const graphs = [
      trace(builder => ({ outputs: {}, writes: { w: f.mul(builder.input('x', x), 2) } })),
      trace(builder => ({ outputs: { y: f.add(builder.state('w', x), 1) } })),
    ];
    const [write, read] = await Promise.all(graphs.map(graph => engine.compile(graph)));
    const state = engine.createState({});
    const readValue = async () => (await read?.run(state, {}))?.y?.data[0];
    await write?.run(state, { x: tensorOf([1], [4]) });
    state.move('w', 'kept');
    await write?.run(state, { x: tensorOf([1], [5]) });
    expect(await readValue()).toBe(11);
    state.move('w');
    expect(state.names).toEqual(['kept']);
    state.move('kept', 'w');
    expect(await readValue()).toBe(9);
    expect(() => state.move('kept')).toThrow('there is no state named "kept"');
    for (const executable of [write, read]) await executable?.dispose();
    state.dispose();
  });

  it('select ignores the value that it did not take, even NaN', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const y = builder.input('y', { shape: [2], dtype: 'f32' });
      return { outputs: { z: f.select(f.less(x, 0), x, y) } };
    });
    const feeds = { x: tensorOf([2], [Number.NaN, -1]), y: tensorOf([2], [1, Number.NaN]) };
    expect([...((await runOnce(engine, graph, feeds)).z?.data ?? [])]).toEqual([1, -1]);
  });

  it('an error names the input that is missing or has another shape', async () => {
    const graph = trace(builder => ({ outputs: { y: f.exp(builder.input('x', { shape: [2], dtype: 'f32' })) } }));
    await expect(runOnce(engine, graph, {})).rejects.toThrow('input "x" (f32[2]) was not given');
    await expect(runOnce(engine, graph, { x: tensorOf([3], [1, 2, 3]) })).rejects.toThrow('expected f32[2]');
  });
});

/** Engines compile attention for seconds, and in f32 they have computed all that is made of other operations. */
const SHORT_CASES = takesAll('functions of several operations in bf16 and f16 on native engines')
  ? PRODUCT_CASES
  : PRODUCT_CASES.filter(({ op }) => op !== 'composite');

const short = running.flatMap(({ name, open, shortPrecisions, status }) =>
  shortPrecisions
    .filter(precision => status.precisions?.includes(precision))
    .map(precision => ({ name, precision, cases: SHORT_CASES, open: () => open(precision) })),
);

describe.each([
  ...(['bf16', 'f16'] as const).map(precision => ({
    name: 'reference',
    precision,
    cases: PRODUCT_CASES,
    open: async () => createReferenceEngine(),
  })),
  // This engine does not offer f16: it casts and computes in f32. But it checks the ONNX bytes without a GPU.
  {
    ...{ name: 'onnxruntime/cpu', precision: 'f16' as const, cases: PRODUCT_CASES },
    open: async () => createOnnxRuntimeEngine({ threads: 1 }),
  },
  ...short,
])('$name with products in $precision', ({ precision, cases, open }) => {
  let engine: Engine;
  let worst = 0;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.dispose());

  it.each(cases)('$name, forward and gradient, agrees with the reference in f32', async testCase => {
    for (const [name, error] of Object.entries(await measureCase(engine, reference, testCase, precision))) {
      expect(error, name).toBeLessThan(SHORT_TOLERANCES[precision]);
      worst = Math.max(worst, error);
    }
  });

  it(`products in ${precision} are rounded`, () => {
    expect(worst).toBeGreaterThan(SHORT_TOLERANCES[precision] / 2 ** 6);
  });
});
