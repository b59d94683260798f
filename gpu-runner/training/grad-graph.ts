/** @file The `grad` graph: forward and backward over one micro-batch; gradients go into accumulators. */

import type { KeyedConfig } from '../../configs/schema.ts';
import { add, mul, sumAll } from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Shape } from '../compiler/tensor.ts';
import { trace, type Value } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { PARAM_PREFIX, type ParamSpec, Params } from '../model/params.ts';
import { flowMatchingLoss, noisePixels } from './objective.ts';

export const GRAD_PREFIX = 'grad.';

export interface GradGraph {
  readonly graph: Graph;
  readonly params: readonly ParamSpec[];
}

export interface GradGraphOptions {
  /** Add to the accumulators; false: this is the update's first micro-batch and overwrites them. */
  readonly accumulate: boolean;
  /** Micro-batches per update; the accumulated gradient is that of the update's mean loss. */
  readonly microBatches: number;
  /** Gradient checkpointing: the inside of blocks is computed again in the backward pass. The same bits in less memory and more time. */
  readonly remat?: boolean;
}

/**
 * Inputs: pixels x0 in [-1, 1] and noise [batch, 3, height, width], t [batch], and the conditions. Output: loss [batch].
 * Writes `grad.<parameter>`.
 */
export function traceGradGraph(
  config: Pick<KeyedConfig, 'model' | 'objective'>,
  shape: BatchShape,
  options: GradGraphOptions,
): GradGraph {
  let specs: readonly ParamSpec[] = [];
  const graph = trace(builder => {
    const pixels: Shape = [shape.batch, config.model.in_channels, shape.height, shape.width];
    const x0 = builder.input('x0', { shape: pixels, dtype: 'f32' });
    const noise = builder.input('noise', { shape: pixels, dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, config.model, shape);
    const params = new Params(builder);
    const z = builder.scope('noise', () => noisePixels(x0, noise, t, config.objective));
    const { prediction } = applyNanoDit(params, config.model, { z, t, conditions, remat: options.remat ?? false });
    const loss = builder.scope('loss', () => flowMatchingLoss(prediction, x0, noise, t, config.objective));
    specs = params.specs;

    const total = mul(sumAll(loss), 1 / (shape.batch * options.microBatches));
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
    return { outputs: { loss }, writes };
  });
  return { graph: verify(graph), params: specs };
}
