/** @file The flow-matching loss of given noise and t without gradients, for pictures that are not trained on. */
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Tuning } from '../compiler/engine.ts';
import { div, reduceMean, reshape, sqrt, square, sub } from '../compiler/functions.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Shape } from '../compiler/tensor.ts';
import { trace, type Value } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { Params } from '../model/params.ts';
import { flowLoss } from './losses/flow-matching.ts';
import { noisePixels } from './losses/noise-pixels.ts';

/**
 * Inputs: pixels x0 in [-1, 1] and noise [batch, 3, height, width], t [batch] above 0, and the conditions. Outputs,
 * [batch] each: `loss`, as the training computes it, without its other losses; `velocity_norm`, the root mean square of
 * the predicted velocity, whatever the network predicts.
 */
export function traceFlowLoss(
  config: Pick<KeyedConfig, 'model' | 'objective'>,
  shape: BatchShape,
  { fusesAttention = false }: Pick<Tuning, 'fusesAttention'> = {},
): Graph {
  const graph = trace(builder => {
    const pixels: Shape = [shape.batch, config.model.in_channels, shape.height, shape.width];
    const x0 = builder.input('x0', { shape: pixels, dtype: 'f32' });
    const noise = builder.input('noise', { shape: pixels, dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, config.model, shape);
    const params = new Params(builder, config.model);
    const z = noisePixels(x0, noise, t, config.objective);
    const { prediction } = applyNanoDit(params, config.model, { z, t, conditions, fusesAttention });
    const loss = flowLoss({ prediction, x0, noise, t }, config.objective);
    return { outputs: { loss, velocity_norm: velocityNorm({ prediction, z, t }, config.objective) }, writes: {} };
  });
  return verify(graph);
}

/** v = (z - x) / t for x-prediction. */
function velocityNorm(
  { prediction, z, t }: Record<'prediction' | 'z' | 't', Value>,
  { prediction_type: type }: KeyedConfig['objective'],
): Value {
  const batch = t.shape[0] ?? 0;
  const velocity = type === 'v_prediction' ? prediction : div(sub(z, prediction), reshape(t, [batch, 1, 1, 1]));
  return sqrt(reshape(reduceMean(square(velocity), [1, 2, 3]), [batch]));
}
