/** @file The flow-matching loss of given noise and t without gradients, for pictures that are not trained on. */
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Tuning } from '../compiler/engine.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Shape } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { Params } from '../model/params.ts';
import { flowLoss, noisePixels } from './losses/flow-matching.ts';

/**
 * Inputs: pixels x0 in [-1, 1] and noise [batch, 3, height, width], t [batch], and the conditions. Output: `loss`
 * [batch], as the training computes it, without its other losses.
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
    return { outputs: { loss: flowLoss({ prediction, x0, noise, t }, config.objective) }, writes: {} };
  });
  return verify(graph);
}
