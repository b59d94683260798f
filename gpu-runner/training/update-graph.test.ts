import { describe, expect, it } from 'vitest';
import { optimizerSchema } from '../../configs/optimizer.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { mixPrecision } from '../compiler/passes/mixed-precision.ts';
import { trace } from '../compiler/trace.ts';
import { interpret } from '../engines/reference/engine.ts';
import type { Array64 } from '../engines/reference/kernels.ts';
import type { ParamSpec } from '../model/params.ts';
import { isNewtonSchulz, newtonSchulz } from './muon.ts';
import { adamwScalars } from './schedule.ts';
import { optimizerState, traceUpdateGraph } from './update-graph.ts';

const spec = (name: string, shape: number[], group: ParamSpec['group']): ParamSpec => ({
  name,
  shape,
  std: 1,
  mean: 0,
  group,
});
const specs = [spec('w', [3, 5], 'matrix'), spec('tall', [5, 3], 'matrix'), spec('b', [4], 'other')];

function normals(shape: readonly number[], seed: number): Array64 {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  new RandomStream(seed, 'sample').fillNormal(data);
  return { shape, data: Float64Array.from(data) };
}

function setUp(config = optimizerSchema.parse({ clip_norm: 1, weight_decay: 0.1 })) {
  const state = new Map<string, Array64>();
  for (const [i, { name, shape }] of specs.entries()) {
    state.set(`model.${name}`, normals(shape, i));
    state.set(`grad.${name}`, normals(shape, 10 + i));
    state.set(`ema0.${name}`, normals(shape, 20 + i));
  }
  for (const [i, [name, shape]] of [...optimizerState(specs, config)].entries()) {
    const moment = normals(shape, 30 + i);
    state.set(name, { shape, data: moment.data.map(Math.abs) });
  }
  const scalar = (value: number) => ({ shape: [], data: Float64Array.of(value) });
  const inputs = {
    learning_rate: scalar(0.02),
    norm_limit: scalar(1e15),
    ...Object.fromEntries(Object.entries(adamwScalars(7, 0.02, config)).map(([name, value]) => [name, scalar(value)])),
    ema_rate_0: scalar(0.25),
  };
  return { config, state, inputs, run: () => interpret(traceUpdateGraph(specs, config), inputs, state) };
}

const dataOf = (state: Map<string, Array64>, name: string) => state.get(name)?.data ?? new Float64Array();

describe('the update graph', () => {
  it('the update clips by the global norm and takes the AdamW steps of the paper', () => {
    const { config, state, run } = setUp();
    const { writes, outputs } = run();
    const norm = Math.sqrt(
      specs.reduce((sum, { name }) => sum + dataOf(state, `grad.${name}`).reduce((s, g) => s + g * g, 0), 0),
    );
    expect(outputs.grad_norm?.data[0]).toBeCloseTo(norm, 10);
    const { beta1, beta2, eps } = config.adamw;
    const [w, m0, v0] = ['model.b', 'optimizer.m.b', 'optimizer.v.b'].map(name => dataOf(state, name));
    const g = dataOf(state, 'grad.b').map(x => x / norm);
    const expected = g.map((x, i) => {
      const m = beta1 * (m0?.[i] ?? 0) + (1 - beta1) * x;
      const v = beta2 * (v0?.[i] ?? 0) + (1 - beta2) * x * x;
      return (w?.[i] ?? 0) - (0.02 * (m / (1 - beta1 ** 7))) / (Math.sqrt(v / (1 - beta2 ** 7)) + eps);
    });
    expect([...(writes['model.b']?.data ?? [])]).toEqual([...expected].map(x => expect.closeTo(x, 10)));
    const ema = dataOf(state, 'ema0.b');
    expect([...(writes['ema0.b']?.data ?? [])]).toEqual(
      [...expected].map((x, i) => expect.closeTo(0.75 * (ema[i] ?? 0) + 0.25 * x, 10)),
    );
  });

  it('the update takes Muon steps on matrices: Nesterov momentum, orthogonalization, scale, decay', () => {
    const { config, state, run } = setUp();
    const { writes } = run();
    const norm = Math.sqrt(
      specs.reduce((sum, { name }) => sum + dataOf(state, `grad.${name}`).reduce((s, g) => s + g * g, 0), 0),
    );
    const mu = config.muon.momentum;
    const g = dataOf(state, 'grad.tall').map(x => x / norm);
    const m = dataOf(state, 'optimizer.momentum.tall').map((x, i) => mu * x + (1 - mu) * (g[i] ?? 0));
    expect([...(writes['optimizer.momentum.tall']?.data ?? [])]).toEqual([...m].map(x => expect.closeTo(x, 10)));
    const step = orthogonalize({ shape: [5, 3], data: g.map((x, i) => (1 - mu) * x + mu * (m[i] ?? 0)) });
    const w = dataOf(state, 'model.tall');
    const expected = step.map((x, i) => (w[i] ?? 0) * (1 - 0.02 * 0.1) - 0.02 * 0.2 * Math.sqrt(5) * x);
    expect([...(writes['model.tall']?.data ?? [])]).toEqual([...expected].map(x => expect.closeTo(x, 8)));
  });

  it('the update gives the gradient norm of each parameter, in order', () => {
    const { state, run } = setUp();
    const normOf = (name: string) => Math.hypot(...dataOf(state, `grad.${name}`));
    const { outputs } = run();
    expect(outputs.grad_norms?.shape).toEqual([specs.length]);
    expect([...(outputs.grad_norms?.data ?? [])]).toEqual(specs.map(({ name }) => expect.closeTo(normOf(name), 10)));
    dataOf(state, 'grad.tall')[4] = Number.NaN;
    expect([...(run().outputs.grad_norms?.data ?? [])]).toEqual([
      expect.closeTo(normOf('w'), 10),
      Number.NaN,
      expect.closeTo(normOf('b'), 10),
    ]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('the update changes nothing when a gradient holds %d', bad => {
    const { state, run } = setUp();
    dataOf(state, 'grad.w')[4] = bad;
    const { writes, outputs } = run();
    expect(outputs.taken?.data[0]).toBe(0);
    for (const [name, value] of Object.entries(writes)) expect([...value.data], name).toEqual([...dataOf(state, name)]);
  });
});

it('the update takes a gradient below the limit of its norm, and changes nothing from the limit on', () => {
  const { state, inputs, config } = setUp();
  const graph = traceUpdateGraph(specs, config);
  const norm = Math.hypot(...specs.flatMap(({ name }) => [...dataOf(state, `grad.${name}`)]));
  const runAt = (limit: number) =>
    interpret(graph, { ...inputs, norm_limit: { shape: [], data: Float64Array.of(limit) } }, state);
  const taken = runAt(norm * 1.001);
  expect(taken.outputs.taken?.data[0]).toBe(1);
  expect(taken.writes['model.w']?.data).not.toEqual(dataOf(state, 'model.w'));
  const { writes, outputs } = runAt(norm * 0.999);
  expect(outputs.taken?.data[0]).toBe(0);
  for (const [name, value] of Object.entries(writes)) expect([...value.data], name).toEqual([...dataOf(state, name)]);
});

describe('in mixed precision', () => {
  const config = optimizerSchema.parse({ clip_norm: 1 });
  const whole = traceUpdateGraph(specs, config);
  const mixed = mixPrecision(whole, 'bf16', isNewtonSchulz);

  it('only the products of Newton-Schulz are bfloat16', () => {
    const products = mixed.nodes.filter(({ op }) => op === 'matmul');
    expect(products.length).toBe(2 * 5 * 3);
    for (const { scope, dtype } of products) expect([scope, dtype]).toEqual(['newton-schulz', 'bf16']);
    for (const { scope, dtype } of mixed.nodes) if (scope !== 'newton-schulz') expect(dtype).not.toBe('bf16');
  });

  it('Muon steps stay near the steps in f32, and AdamW steps are equal', () => {
    const { state, inputs } = setUp(config);
    const [expected, actual] = [interpret(whole, inputs, state), interpret(mixed, inputs, state)];
    for (const { name, group } of specs) {
      const before = state.get(`model.${name}`)?.data ?? expect.fail();
      const stepOf = ({ writes }: typeof actual) => before.map((x, i) => (writes[`model.${name}`]?.data[i] ?? NaN) - x);
      const [exact, step] = [stepOf(expected), stepOf(actual)];
      const norm = Math.hypot(...exact);
      const error = Math.hypot(...exact.map((x, i) => x - (step[i] ?? Number.NaN))) / norm;
      if (group === 'matrix') expect(error, name).toBeLessThan(0.05);
      else expect(error, name).toBe(0);
    }
  });
});

/** Newton-Schulz in plain loops. */
function orthogonalize({ shape, data }: Array64): Float64Array {
  const [rows = 0, columns = 0] = shape;
  const times = (a: number[][], b: number[][]) =>
    a.map(row => b[0]?.map((_, j) => row.reduce((sum, x, k) => sum + x * (b[k]?.[j] ?? 0), 0)) ?? []);
  const norm = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0)) + 1e-7;
  let x = Array.from({ length: rows }, (_, i) => Array.from(data.slice(i * columns, (i + 1) * columns), y => y / norm));
  for (let i = 0; i < 5; i++) {
    const turned = x[0]?.map((_, j) => x.map(row => row[j] ?? 0)) ?? [];
    const cube = times(x, times(turned, x));
    const fifth = times(cube, times(turned, x));
    x = x.map((row, r) => row.map((y, c) => 3.4445 * y - 4.775 * (cube[r]?.[c] ?? 0) + 2.0315 * (fifth[r]?.[c] ?? 0)));
  }
  return Float64Array.from(x.flat());
}

it('newtonSchulz brings all singular values near 1', () => {
  const graph = trace(builder => {
    const x = builder.input('x', { shape: [2, 6, 9], dtype: 'f32' });
    return { outputs: { y: newtonSchulz(x, 5) } };
  });
  const y = interpret(graph, { x: normals([2, 6, 9], 3) }).outputs.y?.data ?? new Float64Array();
  for (let matrix = 0; matrix < 2; matrix++) {
    for (let row = 0; row < 6; row++) {
      const at = (matrix * 6 + row) * 9;
      const square = y.slice(at, at + 9).reduce((sum, x) => sum + x * x, 0);
      expect(square).toBeGreaterThan(0.4);
      expect(square).toBeLessThan(1.6);
    }
  }
});
