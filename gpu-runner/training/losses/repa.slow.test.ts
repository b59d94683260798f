import { describe, expect, it } from 'vitest';
import type { KeyedConfig } from '../../../configs/schema.ts';
import { add, div, reduceMean, reshape, square, sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import { type Graph, graphInputs, graphReads } from '../../compiler/graph.ts';
import { trace } from '../../compiler/trace.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { type BatchShape, declareConditions } from '../../model/batch.ts';
import { applyNanoDit } from '../../model/nanodit.ts';
import { PARAM_PREFIX, Params } from '../../model/params.ts';
import { GRAD_PREFIX, traceGradGraph } from '../grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../testing/slopes.ts';
import { tinyConfig } from '../testing/tiny.ts';
import { limitParts } from './limit-parts.ts';
import { openLosses } from './losses.ts';

/** 2 x 4 image tokens, and 1 x 2 or 4 x 8 cells of features. */
const SHAPE: BatchShape = { batch: 4, height: 8, width: 16, textTokens: 4 };
const WEIGHT = 0.5;
const COLUMN = { encoder: 'dct', dim: 3, stride: 8 };
const FINE = { ...COLUMN, stride: 2 };
const TEXT_ONLY = { conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } };

function configOf(repa: object, model: object = {}): KeyedConfig {
  return tinyConfig({ model, objective: { losses: { repa: { weight: WEIGHT, column: COLUMN, ...repa } } } });
}

/** Feeds and weights that are nowhere zero. The third sample has no column, the second keeps no signal. */
function arraysOf(graph: Graph, seed = 0): { readonly feeds: Arrays; readonly weights: Arrays } {
  const shift = new Map(Array.from({ length: seed }, (_, i) => [`unused${i}`, { shape: [1], dtype: 'f32' as const }]));
  const feeds: Arrays = {
    ...fillArrays(new Map([...shift, ...graphInputs(graph)])),
    weight_repa: { shape: [], data: Float64Array.of(WEIGHT) },
    has_patches: { shape: [4], data: Float64Array.of(1, 1, 0, 1) },
  };
  return { feeds, weights: fillArrays(graphReads(graph), 0.5) };
}

const traceRepa = (repa: object, model?: object) => traceGradGraph(configOf(repa, model), SHAPE, { accumulate: false });

const changed = (feeds: Arrays, name: string, samples: readonly number[]): Arrays => {
  const { shape, data } = feeds[name] ?? { shape: [], data: new Float64Array() };
  const each = data.length / (shape[0] ?? 1);
  return {
    ...feeds,
    [name]: { shape, data: data.map((x, i) => (samples.includes(Math.floor(i / each)) ? 9 - x : x)) },
  };
};

describe.each([
  ['cosine', { loss_type: 'cosine' }, {}],
  ['mse', { loss_type: 'mse' }, {}],
  ['a linear adapter', { adapter: 'linear' }, { arch: 'cross' }],
  ['a narrow adapter, block 0', { adapter_width: 5, block_index: 0 }, TEXT_ONLY],
  ['finer features, resampled to the tokens', { column: FINE }, {}],
  ['tokens resampled to coarse features', { grid: 'teacher' }, {}],
  ['tokens resampled to fine features', { column: FINE, grid: 'teacher', only_dropped: false }, { arch: 'cross' }],
])('repa by %s', (_, repa, model) => {
  const { graph, params } = traceRepa(repa, model);
  const { feeds, weights } = arraysOf(graph);

  it('its gradients are the slope of the weighted sum', () => {
    const { analytic, numeric } = slopesOf(graph, feeds, weights);
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic / numeric - 1)).toBeLessThan(2e-6);
  });

  it('its adapter and every parameter up to the block get a gradient from it alone', () => {
    const config = configOf(repa, model);
    const losses = openLosses(config).filter(({ name }) => name === 'repa');
    const alone = traceGradGraph(config, SHAPE, { accumulate: false, losses }).graph;
    const { writes } = interpret(alone, feeds, new Map(Object.entries(weights)));
    const own = params.filter(({ name }) => name.startsWith('repa.') || name.startsWith('patch.'));
    expect(own.length).toBeGreaterThan(4);
    const untouched = own.filter(({ name }) => writes[`${GRAD_PREFIX}${name}`]?.data.every(g => g === 0));
    expect(untouched.map(({ name }) => name)).toEqual([]);
    const behind = params.filter(({ name }) => name.startsWith('head.') || name === 'blocks.1.adaln_bias');
    const reached = behind.filter(({ name }) => writes[`${GRAD_PREFIX}${name}`]?.data.some(g => g !== 0));
    const isLast = 'block_index' in repa === false;
    expect(reached.map(({ name }) => name)).toEqual(isLast ? ['blocks.1.adaln_bias'] : []);
  });
});

describe('samples that repa counts', () => {
  const repaOf = (repa: object, feeds?: (feeds: Arrays) => Arrays, model = {}) => {
    const { graph } = traceRepa(repa, model);
    const arrays = arraysOf(graph);
    return interpret(graph, feeds?.(arrays.feeds) ?? arrays.feeds, new Map(Object.entries(arrays.weights)));
  };
  const counted = (run: ReturnType<typeof repaOf>) => [...(run.outputs['loss/repa']?.data ?? [])].map(x => x !== 0);

  it('are those whose patches are dropped and that have the column', () => {
    expect(counted(repaOf({}))).toEqual([false, true, false, false]);
    expect(counted(repaOf({ only_dropped: false }))).toEqual([true, true, false, true]);
    expect(counted(repaOf({}, undefined, TEXT_ONLY))).toEqual([true, true, false, true]);
  });

  it.each([{ only_dropped: false }, { loss_type: 'mse', grid: 'teacher' }])(
    'a sample without the column leaves no bit, whatever stands in its place (%o)',
    repa => {
      const plain = repaOf(repa);
      const other = repaOf(repa, feeds => changed(feeds, 'column_patches', [2]));
      expect(other.outputs).toEqual(plain.outputs);
      expect(other.writes).toEqual(plain.writes);
      const seen = repaOf(repa, feeds => changed(feeds, 'column_patches', [1]));
      expect(seen.outputs).not.toEqual(plain.outputs);
    },
  );

  it('a sample that keeps its patches leaves no bit by default', () => {
    const plain = repaOf({});
    expect(repaOf({}, feeds => changed(feeds, 'column_patches', [0, 3])).writes).toEqual(plain.writes);
  });
});

const noAverage = (): never => {
  throw new Error('the teacher is a column');
};

/** The loss of tokens on a route around block 1 of two, and the mean square of the prediction. Writes all gradients. */
function traceRouted(repa: object, route: readonly (readonly number[])[] | undefined): Graph {
  const config = configOf(repa, TEXT_ONLY);
  const { model } = config;
  const [term] = openLosses(config).filter(({ name }) => name === 'repa');
  if (term === undefined) throw new Error('the config has repa');
  return trace(builder => {
    const params = new Params(builder);
    const pixels = { shape: [4, 3, SHAPE.height, SHAPE.width], dtype: 'f32' } as const;
    const z = builder.input('z', pixels);
    const t = builder.input('t', { shape: [4], dtype: 'f32' });
    const conditions = declareConditions(builder, model, SHAPE);
    const indices = route && builder.constant(route.flat(), [4, route[0]?.length ?? 0], 'i32');
    const of = (layer: number) => (layer === 1 ? indices : undefined);
    const outputs = applyNanoDit(params, model, { z, t, conditions, ...(indices && { route: of }) });
    const parts = { ...outputs, x0: z, noise: z, z, t, conditions, averaged: noAverage };
    const ofPrediction = reshape(reduceMean(square(outputs.prediction), [1, 2, 3]), [4]);
    const loss = add(term.apply(params, limitParts(term, params, SHAPE, parts)), ofPrediction);
    const { specs } = params;
    const weights = specs.map(({ name, shape }) => builder.state(`${PARAM_PREFIX}${name}`, { shape, dtype: 'f32' }));
    const gradients = grad(div(sumAll(loss), 4), weights);
    const writes = Object.fromEntries(gradients.map((g, i) => [`${GRAD_PREFIX}${specs[i]?.name}`, g]));
    return { outputs: { loss: reshape(loss, [4]) }, writes };
  });
}

describe('repa behind a block that half of the tokens skip', () => {
  /** The left half of the 2 x 4 tokens, which the left half of the cells covers. */
  const LEFT = Array.from({ length: 4 }, () => [5, 0, 4, 1]);

  it.each([{}, { loss_type: 'mse' }, { grid: 'teacher' }, { grid: 'teacher', column: FINE }])(
    'its gradients are the slope of the loss (%o)',
    repa => {
      const graph = traceRouted(repa, LEFT);
      const { feeds, weights } = arraysOf(graph);
      const { analytic, numeric } = slopesOf(graph, feeds, weights);
      expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
      expect(Math.abs(analytic / numeric - 1)).toBeLessThan(2e-6);
    },
  );

  it.each([{ column: { ...COLUMN, stride: 4 } }, { column: FINE }, { grid: 'teacher' }])(
    'features at the places of tokens that skip it leave no bit (%o)',
    repa => {
      const graph = traceRouted(repa, LEFT);
      const { feeds, weights } = arraysOf(graph);
      const state = new Map(Object.entries(weights));
      const { shape, data } = feeds.column_patches ?? { shape: [], data: new Float64Array() };
      const [, , columns = 0, dim = 0] = shape;
      const right = data.map((x, i) => (Math.floor(i / dim) % columns >= columns / 2 ? x + 1 : x));
      const plain = interpret(graph, feeds, state);
      const other = interpret(graph, { ...feeds, column_patches: { shape, data: right } }, state);
      expect(other.outputs).toEqual(plain.outputs);
      expect(other.writes).toEqual(plain.writes);
    },
  );

  it.each([{}, { loss_type: 'mse' }, { grid: 'teacher' }])(
    'a route of all tokens in another order gives the loss without a route (%o)',
    repa => {
      const all = Array.from({ length: 4 }, () => Array.from({ length: 8 }, (_, i) => (3 * i) % 8));
      const [routed, whole] = [traceRouted(repa, all), traceRouted(repa, undefined)];
      const losses = [routed, whole].map(graph => {
        const { feeds, weights } = arraysOf(graph);
        return [...(interpret(graph, feeds, new Map(Object.entries(weights))).outputs.loss?.data ?? [])];
      });
      const ratios = losses[0]?.map((x, i) => x / (losses[1]?.[i] ?? Number.NaN));
      expect(ratios).toEqual(new Array(4).fill(expect.closeTo(1, 10)));
    },
  );
});

it('the features receive no gradient', () => {
  const config = configOf({ grid: 'teacher' });
  const [term] = openLosses(config).filter(({ name }) => name === 'repa');
  const graph = trace(builder => {
    const params = new Params(builder);
    const z = builder.input('z', { shape: [4, 3, SHAPE.height, SHAPE.width], dtype: 'f32' });
    const t = builder.input('t', { shape: [4], dtype: 'f32' });
    const conditions = declareConditions(builder, config.model, SHAPE);
    const outputs = applyNanoDit(params, config.model, { z, t, conditions });
    const parts = { ...outputs, x0: z, noise: z, z, t, conditions, averaged: noAverage };
    if (term === undefined) throw new Error('the config has repa');
    const loss = term.apply(params, limitParts(term, params, SHAPE, parts));
    const column = builder.input('column_patches', { shape: [4, 1, 2, 3], dtype: 'f32' });
    const [gradient] = grad(sumAll(loss), [column]);
    return { outputs: { loss, ...(gradient && { gradient }) } };
  });
  const { feeds, weights } = arraysOf(graph);
  const { outputs } = interpret(graph, feeds, new Map(Object.entries(weights)));
  expect(outputs.loss?.data.some(x => x !== 0)).toBe(true);
  expect(outputs.gradient?.data.every(g => g === 0)).toBe(true);
});
