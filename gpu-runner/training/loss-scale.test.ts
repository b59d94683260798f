import { describe, expect, it } from 'vitest';
import { averagesOf } from '../../configs/averages.ts';
import { optimizerSchema } from '../../configs/optimizer.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { equal } from '../compiler/functions.ts';
import { trace } from '../compiler/trace.ts';
import { interpret } from '../engines/reference/engine.ts';
import type { ParamSpec } from '../model/params.ts';
import { INITIAL_LOSS_SCALE, needsLossScale, nextLossScale, scaleAfterSkip } from './loss-scale.ts';
import { adamwScalars } from './schedule.ts';
import { optimizerState, traceUpdateGraph } from './update-graph.ts';

const graph = trace(builder => {
  const finite = equal(builder.input('finite', { shape: [], dtype: 'f32' }), 1);
  return { outputs: {}, writes: nextLossScale(builder, finite) };
});

/** Scale and steps after one step more. */
function follow([scale = 0, steps = 0]: readonly number[], finite: boolean): number[] {
  const scalar = (value: number) => ({ shape: [], data: Float64Array.of(value) });
  const state = new Map(Object.keys(INITIAL_LOSS_SCALE).map((name, i) => [name, scalar([scale, steps][i] ?? 0)]));
  const { writes } = interpret(graph, { finite: scalar(finite ? 1 : 0) }, state);
  return Object.keys(INITIAL_LOSS_SCALE).map(name => writes[name]?.data[0] ?? Number.NaN);
}

describe('nextLossScale', () => {
  it('the loss scale doubles after 2,000 finite steps in a row', () => {
    let state = Object.values(INITIAL_LOSS_SCALE).map(({ data }) => data[0] ?? 0);
    for (let step = 1; step < 2000; step++) state = follow(state, true);
    expect(state).toEqual([65536, 1999]);
    state = follow(state, true);
    expect(state).toEqual([131072, 0]);
    expect(follow([2 ** 24, 1999], true)).toEqual([2 ** 24, 0]);
  });

  it('a gradient that is not finite halves the loss scale down to 1, and the count begins anew', () => {
    expect(follow([65536, 1999], false)).toEqual([32768, 0]);
    expect(follow([1, 5], false)).toEqual([1, 0]);
    for (const scale of [65536, 2, 1]) expect(follow([scale, 7], false)[0]).toBe(scaleAfterSkip(scale));
  });
});

it('only f16 needs a loss scale', () => {
  expect((['f32', 'bf16', 'f16', undefined] as const).map(needsLossScale)).toEqual([false, false, true, false]);
});

it('an update with scaled gradients writes what the update without a scale writes, and the scale', () => {
  const spec = (name: string, shape: number[], group: ParamSpec['group']) => ({ name, shape, std: 1, mean: 0, group });
  const specs = [spec('w', [3, 5], 'matrix'), spec('b', [4], 'other')];
  const config = optimizerSchema.parse({ clip_norm: 1 });
  const state = new Map<string, { shape: readonly number[]; data: Float64Array }>();
  const set = (name: string, shape: readonly number[], seed: number, factor = 1) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    new RandomStream(seed, 'sample').fillNormal(data);
    state.set(name, { shape, data: Float64Array.from(data, x => Math.abs(x) * factor) });
  };
  const run = (scale: number | undefined, spoil?: number) => {
    state.clear();
    for (const [i, { name, shape }] of specs.entries()) {
      set(`model.${name}`, shape, i);
      set(`grad.${name}`, shape, 10 + i, scale);
      for (const average of averagesOf(config).keys()) set(`ema${average}.${name}`, shape, 20 + i);
    }
    for (const [i, [name, shape]] of [...optimizerState(specs, config)].entries()) set(name, shape, 30 + i);
    const scalar = (value: number) => ({ shape: [], data: Float64Array.of(value) });
    if (scale !== undefined) {
      for (const [name, value] of Object.entries({ loss_scale: scale, loss_scale_steps: 3 })) {
        state.set(`optimizer.${name}`, scalar(value));
      }
    }
    const gradient = state.get('grad.w')?.data;
    if (spoil !== undefined && gradient) gradient[2] = spoil;
    const scalars = { learning_rate: 0.02, norm_limit: 1e15, ...adamwScalars(7, 0.02, config) };
    const rates = averagesOf(config).map((_, i) => [`ema_rate_${i}`, 0.25] as const);
    const feeds = Object.entries({ ...scalars, ...Object.fromEntries(rates) });
    const inputs = Object.fromEntries(feeds.map(([name, value]) => [name, scalar(value)]));
    return interpret(traceUpdateGraph(specs, config, { scalesLoss: scale !== undefined }), inputs, state);
  };
  const { 'optimizer.loss_scale': scale, 'optimizer.loss_scale_steps': steps, ...writes } = run(1024).writes;
  expect([scale?.data[0], steps?.data[0]]).toEqual([1024, 4]);
  expect(writes).toEqual(run(undefined).writes);
  expect(run(1024).outputs.loss_scale?.data[0]).toBe(1024);

  const skipped = run(1024, Number.POSITIVE_INFINITY);
  expect([skipped.outputs.taken?.data[0], skipped.writes['optimizer.loss_scale']?.data[0]]).toEqual([0, 512]);
  expect([...(skipped.writes['model.w']?.data ?? [])]).toEqual([...(state.get('model.w')?.data ?? [0])]);
});
