import { describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import { graphInputs, graphReads } from '../../compiler/graph.ts';
import { trace } from '../../compiler/trace.ts';
import { describePictures } from '../../encoders/efficientnet/features.ts';
import { foldNorms, type NamedTensors, spreadOfStage } from '../../encoders/efficientnet/fold-norms.ts';
import { LITE0 } from '../../encoders/efficientnet/network.ts';
import { makeRandomWeights } from '../../encoders/efficientnet/testing/random-weights.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { traceGradGraph } from '../grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../testing/slopes.ts';
import { tinyConfig } from '../testing/tiny.ts';

const BATCH = 2;
const SHAPE = { batch: BATCH, height: 16, width: 16, textTokens: 1 };
const COLUMN = { encoder: 'efficientnet-lite0', dim: 112, stride: 8 };
const NET = 'frozen.efficientnet-lite0.';

/** Kernels of random weights, with norms that change every channel. */
const WEIGHTS: NamedTensors = Object.fromEntries(
  Object.entries(decodeSafetensors(makeRandomWeights(LITE0)).tensors).map(([name, tensor], index) => {
    if (tensor.shape.length > 1 || tensor.dtype !== 'f32') return [name, tensor];
    const isMean = name.endsWith('mean') || name.endsWith('bias');
    const data = tensor.data.map((x, i) => x + (isMean ? 0.3 : 0.5) * Math.sin(index + i) ** 2);
    return [name, { ...tensor, data }];
  }),
);

function traceFeatures(features: object, objective: object = {}, shape = SHAPE) {
  const config = tinyConfig({
    model: { depth: 1, conditions: {} },
    objective: { ...objective, losses: { features: { weight: 0.5, ...features } } },
  });
  return traceGradGraph(config, shape, { accumulate: false });
}

function arraysOf({ graph, frozen }: ReturnType<typeof traceFeatures>, times: readonly number[] = [0.1, 0.6]) {
  const feeds: Arrays = {
    ...fillArrays(graphInputs(graph)),
    t: { shape: [BATCH], data: Float64Array.from(times) },
    weight_features: { shape: [], data: Float64Array.of(0.5) },
    has_patches: { shape: [BATCH], data: Float64Array.of(1, 1) },
  };
  const nets = frozen.map(({ name, shape }) => {
    const data = Float64Array.from(WEIGHTS[name]?.data ?? []);
    return [`${NET}${name}`, { shape, data }] as const;
  });
  return { feeds, weights: { ...fillArrays(graphReads(graph), 0.5), ...Object.fromEntries(nets) } };
}

const lossOf = (traced: ReturnType<typeof traceFeatures>, { feeds, weights } = arraysOf(traced)) => [
  ...(interpret(traced.graph, feeds, new Map(Object.entries(weights))).outputs['loss/features']?.data ?? []),
];

it.each([
  ['x_prediction', { stages: [0, 2] }],
  ['v_prediction', { loss_type: 'mse' }],
  ['x_prediction', { target: 'patches', column: COLUMN }],
])('gradients with features are the slope of both losses, and the net has none: %s, %o', (prediction_type, options) => {
  const traced = traceFeatures(options, { prediction_type });
  const { feeds, weights } = arraysOf(traced);
  const { analytic, numeric } = slopesOf(traced.graph, feeds, weights);
  expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
  expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-4);
  expect(Object.keys(traced.graph.writes).filter(name => name.includes('conv'))).toEqual([]);
  expect(new Set(traced.frozen.map(({ net }) => net))).toEqual(new Set(['efficientnet-lite0']));
});

describe('the features of the predicted picture', () => {
  /** The clean picture, and the noisy one of t = 0, are the prediction of a network whose output is its input. */
  const stored = () => {
    const graph = trace(builder => {
      const picture = builder.input('picture', { shape: [BATCH, 3, 16, 16], dtype: 'f32' });
      const spread = spreadOfStage(LITE0, 4, WEIGHTS);
      const literal = (values: ArrayLike<number>, shape: readonly number[]) =>
        builder.constant(Array.from(values), shape);
      const folded = foldNorms(LITE0, WEIGHTS);
      const net = {
        net: LITE0,
        stage: 4,
        param: (name: string, shape: readonly number[]) => literal(folded[name]?.data ?? [], shape),
        mean: literal(spread.mean, [112]),
        deviation: literal(spread.deviation, [112]),
      };
      return { outputs: { patches: describePictures(picture, net, 8).patches } };
    });
    const pixels = Float64Array.from({ length: BATCH * 768 }, (_, i) => 127.5 * (1 + Math.sin(i / 7)));
    const { outputs } = interpret(graph, { picture: { shape: [BATCH, 3, 16, 16], data: pixels } }, new Map());
    return { pixels, patches: outputs.patches };
  };

  it('are those that the encoder stores: a perfect prediction has the loss 0', () => {
    const { pixels, patches } = stored();
    if (patches === undefined) throw new Error('the encoder made patches');
    // v-prediction: x = z - t v, so at t = 0 the picture is z = x0, whatever the network predicts.
    const traced = traceFeatures({ target: 'patches', column: COLUMN }, { prediction_type: 'v_prediction' });
    const { feeds, weights } = arraysOf(traced, [0, 0]);
    const clean = { shape: [BATCH, 3, 16, 16], data: pixels.map(x => x / 127.5 - 1) };
    const exact = { ...feeds, x0: clean, column_patches: patches };
    expect(lossOf(traced, { feeds: exact, weights })).toEqual([expect.closeTo(0, 6), expect.closeTo(0, 6)]);
    const other = { ...exact, column_patches: { ...patches, data: patches.data.map((x, i) => x + Math.sin(i)) } };
    expect(Math.min(...lossOf(traced, { feeds: other, weights }))).toBeGreaterThan(1e-3);
  });

  it('count in samples whose time lies between the limits, and that have the column', () => {
    expect(lossOf(traceFeatures({ t_max: 0.3, stages: [0] })).map(x => x > 0)).toEqual([true, false]);
    expect(lossOf(traceFeatures({ t_min: 0.3, stages: [0] })).map(x => x > 0)).toEqual([false, true]);
    const traced = traceFeatures({ target: 'patches', column: COLUMN });
    const { feeds, weights } = arraysOf(traced);
    const second = { ...feeds, has_patches: { shape: [BATCH], data: Float64Array.of(0, 1) } };
    expect(lossOf(traced, { feeds: second, weights }).map(x => x !== 0)).toEqual([false, true]);
  });

  it('of a larger picture are those of a smaller one', () => {
    const large = { ...SHAPE, height: 32, width: 32 };
    const sizes = ({ graph }: ReturnType<typeof traceFeatures>) =>
      graph.nodes.flatMap(({ op, shape }) => (op === 'conv2d' ? [shape.join()] : [])).sort();
    expect(sizes(traceFeatures({ max_side: 16 }, {}, large))).toEqual(sizes(traceFeatures({})));
    expect(sizes(traceFeatures({}, {}, large))).not.toEqual(sizes(traceFeatures({})));
  });
});
