/** @file Predictions, losses and gradients of whole networks against PyTorch; by tools/make-model-goldens.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { type Graph, graphInputs } from '../compiler/graph.ts';
import { emptyTensor, sizeOf, type Tensor, type TensorSpec } from '../compiler/tensor.ts';
import { GOLDEN_ENGINES, runGraph } from '../engines/testing/goldens.ts';
import { tracePredictGraph } from '../sampling/predict-graph.ts';
import { GRAD_PREFIX, traceGradGraph } from '../training/grad-graph.ts';
import { PARAM_PREFIX } from './params.ts';
import { numbersOf } from './testing/golden-numbers.ts';

/** Norm, and products with two rows of numbers. */
const digestSchema = z.tuple([z.number(), z.number(), z.number()]);
type Digest = z.infer<typeof digestSchema>;

const { shape, cases } = z
  .object({
    shape: z.object({ batch: z.int(), height: z.int(), width: z.int(), textTokens: z.int() }),
    cases: z.record(
      z.string(),
      z.object({
        model: z.looseObject({}),
        objective: z.looseObject({}),
        route: z.object({ first: z.int(), last: z.int(), kept: z.int() }).optional(),
        predictions: z.array(digestSchema),
        losses: z.record(z.string(), z.array(z.number())),
        gradients: z.record(z.string(), z.object({ shape: z.array(z.int()), digest: digestSchema })),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('./testdata/nets.json.golden', import.meta.url), 'utf8')));

/** Largest differences, relative to the norm of a result. Angles of the time reach 1000: f32 loses three digits. */
const TOLERANCES: Readonly<Record<string, number>> = { reference: 1e-6, 'onnxruntime/cpu': 1e-4 };
/** A gradient that nearly cancels is compared relative to this share of the largest one. */
const SMALLEST_SHARE = 1e-3;

function digestOf(name: string, data: ArrayLike<number>): Digest {
  const [first, second] = ['first', 'second'].map(row => numbersOf(`${row} ${name}`, data.length));
  const sum = [0, 0, 0] as [number, number, number];
  for (let i = 0; i < data.length; i++) {
    const x = data[i] ?? Number.NaN;
    sum[0] += x * x;
    sum[1] += x * (first?.[i] ?? Number.NaN);
    sum[2] += x * (second?.[i] ?? Number.NaN);
  }
  return [Math.sqrt(sum[0]), sum[1], sum[2]];
}

/** Largest difference of two digests, relative to the norm or `least`. */
function distance(actual: Digest, expected: Digest, least = 0): number {
  return Math.max(...expected.map((x, i) => Math.abs(x - (actual[i] ?? Number.NaN)))) / Math.max(expected[0], least);
}

function parameterOf(name: string, dims: readonly number[]): Tensor {
  const isGain = name.endsWith('norm');
  const scale = isGain ? 0.3 : dims.length === 2 ? Math.sqrt(3 / (dims[0] ?? 1)) : 0.4;
  const data = Float32Array.from(numbersOf(name, sizeOf(dims)), x => (isGain ? 1 : 0) + scale * x);
  return { shape: dims, dtype: 'f32', data };
}

/** The batch of the goldens: a sample with all signals, one without each of them, one without any. */
const PATCH = 4;
const DROPPED = ['text', 'cls', 'patches', 'pose'];
const TEXT_LENGTHS = [8, 3, 5, 1, 7, 0];

function feedOf(name: string, spec: TensorSpec): Tensor {
  const count = sizeOf(spec.shape);
  const [batch = 1] = spec.shape;
  const normal = (x: number) => 1.7 * x;
  const fill = (at: (sample: number, place: number, x: number) => number) => {
    const numbers = numbersOf(name, count);
    const size = count / batch;
    const data = Float32Array.from(numbers, (x, i) => at(Math.floor(i / size), i % size, x));
    return { ...emptyTensor(spec), data };
  };
  if (name.startsWith('keep_')) {
    const without = DROPPED.indexOf(name.slice('keep_'.length)) + 1;
    return fill(sample => (sample === without || sample === batch - 1 ? 0 : 1));
  }
  switch (name) {
    case 'route':
      return routeOf(batch, count / batch);
    case 'has_patches':
      return fill(() => 1);
    case 'weight_repa':
      return fill(() => 0.5);
    case 'x0':
      return fill((_, __, x) => x);
    case 't':
      return fill((_, __, x) => 0.5 + 0.45 * x);
    case 'share':
      return fill((_, __, x) => 0.25 + 0.1 * x);
    case 'text_mask':
      return fill((sample, place) => (place < (TEXT_LENGTHS[sample] ?? 0) ? 1 : 0));
    case 'pose':
      return fill((_, place, x) => (place % 3 === 2 ? 0.5 + 0.5 * x : x));
    default:
      return fill((_, __, x) => normal(x));
  }
}

/** The places of the smallest numbers of each sample, in order. */
function routeOf(batch: number, kept: number): Tensor {
  const tokens = (shape.height * shape.width) / PATCH ** 2;
  const numbers = numbersOf('route', batch * tokens);
  const places = Array.from({ length: batch }, (_, sample) => {
    const own = numbers.subarray(sample * tokens, (sample + 1) * tokens);
    const order = [...own.keys()].sort((a, b) => (own[a] ?? 0) - (own[b] ?? 0));
    return order.slice(0, kept).sort((a, b) => a - b);
  });
  return { shape: [batch, kept], dtype: 'i32', data: Int32Array.from(places.flat()) };
}

const feedsOf = (graph: Graph) =>
  Object.fromEntries([...graphInputs(graph)].map(([name, spec]) => [name, feedOf(name, spec)]));

/** The noisy pictures as the loss makes them. */
function noisyPixels({ objective }: KeyedConfig, feeds: Readonly<Record<string, Tensor>>): Float32Array {
  const size = 3 * shape.height * shape.width;
  const of = (name: string, i: number) => feeds[name]?.data[i] ?? Number.NaN;
  return Float32Array.from({ length: shape.batch * size }, (_, i) => {
    const t = of('t', Math.floor(i / size));
    return (1 - t) * of('x0', i) + t * objective.noise_scale * of('noise', i);
  });
}

describe.each(Object.entries(cases))('%s', (_, { model, objective, route, predictions, losses, gradients }) => {
  const config = keyedConfigSchema.parse({ model, objective });
  const sizes = { ...shape, ...(route && { route }) };
  const { graph, params } = traceGradGraph(config, sizes, { accumulate: false });
  const weights = Object.fromEntries(
    Object.entries(gradients).map(([name, { shape: dims }]) => [`${PARAM_PREFIX}${name}`, parameterOf(name, dims)]),
  );

  it('the parameters are those of the PyTorch net', () => {
    const declared = Object.fromEntries(params.map(spec => [spec.name, spec.shape]));
    expect(declared).toEqual(Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, g.shape])));
  });

  it.each(GOLDEN_ENGINES)('predictions, losses and gradients agree with PyTorch on %s', async (engine, open) => {
    const tolerance = TOLERANCES[engine] ?? 0;
    const feeds = feedsOf(graph);
    const pixels = { shape: [shape.batch, 3, shape.height, shape.width], dtype: 'f32' as const };
    const predictGraph = tracePredictGraph(config.model, sizes);
    const predictFeeds = { ...feedsOf(predictGraph), z: { ...pixels, data: noisyPixels(config, feeds) } };
    const { prediction } = (await runGraph(open, predictGraph, predictFeeds, weights)).outputs;
    const size = sizeOf(pixels.shape) / shape.batch;
    for (const [i, expected] of predictions.entries()) {
      const sample = prediction?.data.subarray(i * size, (i + 1) * size) ?? [];
      expect(distance(digestOf('prediction', sample), expected), `sample ${i}`).toBeLessThan(tolerance);
    }

    const { outputs, state } = await runGraph(open, graph, feeds, weights);
    for (const [name, samples] of Object.entries(losses)) {
      const loss = outputs[`loss/${name}`] ?? outputs.loss;
      const errors = samples.map((x, i) => Math.abs((loss?.data[i] ?? Number.NaN) - x) / Math.max(...samples));
      expect(Math.max(...errors), name).toBeLessThan(tolerance);
    }
    const least = SMALLEST_SHARE * Math.max(...Object.values(gradients).map(({ digest }) => digest[0]));
    for (const [name, { digest }] of Object.entries(gradients)) {
      const actual = digestOf(name, state[`${GRAD_PREFIX}${name}`]?.data ?? []);
      expect(distance(actual, digest, least), name).toBeLessThan(tolerance);
    }
  });
});
