/** @file The `grad` graph: forward and backward pass of one micro-batch. It adds gradients to accumulators. */

import type { GradientCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { add, mul, sumAll } from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Shape } from '../compiler/tensor.ts';
import { type Builder, trace, type Value } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions, declareRoute } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { type FrozenSpec, PARAM_PREFIX, type ParamSpec, Params } from '../model/params.ts';
import { readLossScale } from './loss-scale.ts';
import { type AveragedPass, averagedTokens } from './losses/averaged-pass.ts';
import { limitParts } from './losses/limit-parts.ts';
import { type LossTerm, metricOf, openLosses, weightInputOf } from './losses/losses.ts';
import { noisePixels } from './losses/noise-pixels.ts';
import { trainedParams } from './trained-params.ts';

export const GRAD_PREFIX = 'grad.';

export interface GradGraph {
  readonly graph: Graph;
  /** The parameters that are trained. */
  readonly params: readonly ParamSpec[];
  /** The parameters that the config freezes. The graph does not write this state. */
  readonly fixed: readonly ParamSpec[];
  /** Parameters of frozen nets that the losses read. The graph does not write this state. */
  readonly frozen: readonly FrozenSpec[];
}

export interface GradGraphOptions {
  /** True adds to the accumulators. False overwrites them: the first micro-batch of an update. */
  readonly accumulate: boolean;
  /**
   * Gradient checkpointing: the backward pass computes the inside of blocks again. It needs less memory and more time,
   * and equals the plain one up to rounding.
   */
  readonly remat?: GradientCheckpointing;
  /** Attention is one operation: `fusesAttention` of the engine's tuning. */
  readonly fusesAttention?: boolean;
  /** The losses that are computed; absent: all losses of the config. */
  readonly losses?: readonly LossTerm[];
  /**
   * All trained parameters; absent: those of this graph. A parameter that no computed loss depends on gets a
   * gradient of 0.
   */
  readonly params?: readonly ParamSpec[];
  /** True multiplies the gradients by the state of loss-scale.ts. The losses among the outputs have no factor. */
  readonly scalesLoss?: boolean;
}

/**
 * Inputs: pixels x0 in [-1, 1] and noise [batch, 3, height, width], t [batch], the conditions, the scalar weight of
 * each loss that is not plain, the columns that losses read, `mask` [batch, 1, height, width] with `objective.mask`,
 * the route of the shape if it has one, and share [batch], the weight of each sample: 1 over the number of samples of
 * the update that count, 0 for a filler. Outputs: `loss` [batch], the weighted sum of all losses; and each loss [batch]
 * under its {@link metricOf}, unless it is that sum. Writes `grad.<parameter>`.
 */
export function traceGradGraph(
  config: Pick<KeyedConfig, 'model' | 'objective' | 'optimizer'>,
  shape: BatchShape,
  options: GradGraphOptions,
): GradGraph {
  const terms = options.losses ?? openLosses(config);
  let specs: readonly ParamSpec[] = [];
  let fixed: readonly ParamSpec[] = [];
  let frozen: readonly FrozenSpec[] = [];
  const graph = trace(builder => {
    const pixels: Shape = [shape.batch, config.model.in_channels, shape.height, shape.width];
    const x0 = builder.input('x0', { shape: pixels, dtype: 'f32' });
    const noise = builder.input('noise', { shape: pixels, dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, config.model, shape);
    const params = new Params(builder, config.model);
    const z = builder.scope('noise', () => noisePixels(x0, noise, t, config.objective));
    const { remat = false, fusesAttention = false } = options;
    const route = declareRoute(builder, shape);
    const inputs = { z, t, conditions, remat, fusesAttention, ...(route && { route }) };
    const { prediction, tap, routeOf } = applyNanoDit(params, config.model, inputs);
    const ofModel = params.specs;
    const averaged = (pass: AveragedPass) =>
      averagedTokens(builder, config, pass, { x0, noise, t, conditions, fusesAttention });
    const mask =
      config.objective.mask &&
      builder.input('mask', { shape: [shape.batch, 1, shape.height, shape.width], dtype: 'f32' });
    const parts = { prediction, x0, noise, z, t, conditions, tap, routeOf, averaged, ...(mask && { mask }) };
    const losses = terms.map(term => {
      const loss = builder.scope(metricOf(term), () => term.apply(params, limitParts(term, params, shape, parts)));
      return { term, loss };
    });
    const loss = losses
      .map(({ term, loss: each }) => (term.isPlain ? each : mul(each, scalarInput(builder, weightInputOf(term)))))
      .reduce(add);
    specs = options.params ?? trainedParams(config, params.specs, ofModel);
    const trained = new Set(specs.map(({ name }) => name));
    fixed = params.specs.filter(({ name }) => !trained.has(name));
    frozen = params.frozenSpecs;

    const share = builder.input('share', { shape: [shape.batch], dtype: 'f32' });
    const mean = sumAll(mul(loss, share));
    const total = options.scalesLoss ? mul(mean, readLossScale(builder)) : mean;
    const weights = specs.map(spec =>
      builder.state(`${PARAM_PREFIX}${spec.name}`, { shape: spec.shape, dtype: 'f32' }),
    );
    const writes: Record<string, Value> = {};
    for (const [index, gradient] of grad(total, weights).entries()) {
      const spec = specs[index];
      if (spec === undefined) continue;
      const name = `${GRAD_PREFIX}${spec.name}`;
      writes[name] = options.accumulate
        ? add(builder.state(name, { shape: spec.shape, dtype: 'f32' }), gradient)
        : gradient;
    }
    const parted = losses
      .filter(each => each.loss.id !== loss.id)
      .map(each => [metricOf(each.term), each.loss] as const);
    return { outputs: { loss, ...Object.fromEntries(parted) }, writes };
  });
  return { graph: verify(graph), params: specs, fixed, frozen };
}

function scalarInput(builder: Builder, name: string): Value {
  return builder.input(name, { shape: [], dtype: 'f32' });
}
