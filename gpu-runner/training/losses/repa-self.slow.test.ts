import { describe, expect, it } from 'vitest';
import type { KeyedConfig } from '../../../configs/schema.ts';
import { rmsNorm } from '../../compiler/composites.ts';
import { max, reshape, sub, sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import { type Graph, graphInputs, graphReads } from '../../compiler/graph.ts';
import { trace } from '../../compiler/trace.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { type BatchShape, declareConditions } from '../../model/batch.ts';
import { applyNanoDit } from '../../model/nanodit.ts';
import { Params } from '../../model/params.ts';
import { traceGradGraph } from '../grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../testing/slopes.ts';
import { tinyConfig } from '../testing/tiny.ts';
import { averagedTokens } from './averaged-pass.ts';
import { noisePixels } from './noise-pixels.ts';

const SHAPE: BatchShape = { batch: 4, height: 8, width: 12, textTokens: 4 };
const PIXELS = { shape: [4, 3, 8, 12], dtype: 'f32' } as const;
const WEIGHT = 0.5;

function configOf(repa: object, model: object = {}): KeyedConfig {
  return tinyConfig({
    model: { depth: 3, ...model },
    objective: { losses: { repa: { weight: WEIGHT, teacher: 'self', ...repa } } },
    optimizer: { ema_gammas: [10, 5] },
  });
}

function arraysOf(graph: Graph): { readonly feeds: Arrays; readonly weights: Arrays } {
  const feeds = { ...fillArrays(graphInputs(graph)), weight_repa: { shape: [], data: Float64Array.of(WEIGHT) } };
  return { feeds, weights: fillArrays(graphReads(graph), 0.5) };
}

const traceSelf = (repa: object, model?: object, remat = false) =>
  traceGradGraph(configOf(repa, model), SHAPE, { accumulate: false, remat }).graph;

describe.each([
  ['cosine', {}, {}],
  ['mse, a linear adapter', { loss_type: 'mse', adapter: 'linear' }, { arch: 'cross' }],
  ['the first block, and the clean picture', { block_index: 0, t_gap: 1 }, {}],
  ['the second average', { ema: 1, t_gap: 0 }, {}],
])('repa with the teacher self: %s', (_, repa, model) => {
  it('its gradients are the slope of the weighted sum', () => {
    const graph = traceSelf(repa, model);
    const { feeds, weights } = arraysOf(graph);
    const { analytic, numeric } = slopesOf(graph, feeds, weights);
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic / numeric - 1)).toBeLessThan(2e-6);
  });

  it('it reads one average up to the block of the teacher, and writes none', () => {
    const graph = traceSelf(repa, model);
    const read = [...graphReads(graph).keys()].filter(name => name.startsWith('ema'));
    const prefix = 'ema' in repa ? 'ema1.' : 'ema0.';
    expect(read).toContain(`${prefix}patch.up`);
    expect(read.every(name => name.startsWith(prefix))).toBe(true);
    // By default three quarters of three blocks: index 2.
    expect(read.some(name => name.startsWith(`${prefix}blocks.2.`))).toBe(true);
    expect(read.filter(name => name.startsWith(`${prefix}head.`))).toEqual([]);
    expect(Object.keys(graph.writes).filter(name => !name.startsWith('grad.'))).toEqual([]);
  });
});

it('gradient checkpointing gives the same bits', () => {
  const graphs = [false, true].map(remat => traceSelf({}, {}, remat));
  const [plain, again] = graphs.map(graph => {
    const { feeds, weights } = arraysOf(graph);
    return interpret(graph, feeds, new Map(Object.entries(weights)));
  });
  expect(graphs[1]?.nodes.some(({ op }) => op === 'after')).toBe(true);
  expect(again).toEqual(plain);
});

it('weights that are frozen have no average: the teacher reads them as they are', () => {
  const config = configOf({ block_index: 0 });
  const { graph } = traceGradGraph(
    { ...config, optimizer: { ...config.optimizer, freeze: ['patch.*', 'blocks.1.*'] } },
    SHAPE,
    { accumulate: false },
  );
  const read = [...graphReads(graph).keys()].filter(name => name.startsWith('ema'));
  expect(read.filter(name => name.includes('patch.') || name.includes('blocks.1.'))).toEqual([]);
  expect(read).toContain('ema0.blocks.0.attn.q');
});

it('an earlier block of the teacher leaves out the later ones', () => {
  const read = [...graphReads(traceSelf({ block_index: 0, teacher_block: 1 })).keys()];
  expect(read).toContain('ema0.blocks.1.attn.q');
  expect(read.filter(name => name.startsWith('ema0.blocks.2.'))).toEqual([]);
});

it('the features are the tokens of the network with averaged weights on the picture with less noise', () => {
  const config = configOf({});
  const { model, objective } = config;
  const graph = trace(builder => {
    const [x0, noise] = [builder.input('x0', PIXELS), builder.input('noise', PIXELS)];
    const t = builder.input('t', { shape: [4], dtype: 'f32' });
    const conditions = declareConditions(builder, model, SHAPE);
    const tokens = averagedTokens(builder, config, { ema: 0, block: 1, gap: 0.3 }, { x0, noise, t, conditions });
    const less = max(sub(t, 0.3), 0);
    const z = noisePixels(x0, noise, less, objective);
    const { tap } = applyNanoDit(new Params(builder), model, { z, t: less, conditions });
    const [ofAverage, ofWeights] = [
      builder.state('ema0.patch.up', WEIGHT_SPEC),
      builder.state('model.patch.up', WEIGHT_SPEC),
    ];
    const [stopped, passed] = [tokens, tap(1)].map((x, i) =>
      grad(sumAll(rmsNorm(x)), [i === 0 ? ofAverage : ofWeights]).map(g => reshape(g, [-1])),
    );
    const [a, b] = [stopped?.[0], passed?.[0]];
    return { outputs: { tokens, expected: tap(1), ...(a && { a }), ...(b && { b }) } };
  });
  const names = [...graphReads(graph)];
  const weights = fillArrays(new Map(names.filter(([name]) => name.startsWith('model.'))), 0.5);
  const averages = Object.entries(weights).map(([name, array]) => [name.replace('model.', 'ema0.'), array] as const);
  const state = new Map([...Object.entries(weights), ...averages]);
  const { outputs } = interpret(graph, fillArrays(graphInputs(graph)), state);
  expect(outputs.tokens).toEqual(outputs.expected);
  expect(outputs.a?.data.every(g => g === 0)).toBe(true);
  expect(outputs.b?.data.some(g => g !== 0)).toBe(true);
});

const WEIGHT_SPEC = { shape: [8, 16], dtype: 'f32' } as const;
