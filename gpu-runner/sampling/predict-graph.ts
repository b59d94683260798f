import type { ModelConfig } from '../../configs/schema.ts';
import type { Tuning } from '../compiler/engine.ts';
import type { Graph } from '../compiler/graph.ts';
import { trace } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions, declareRoute } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { Params } from '../model/params.ts';

/**
 * Traces the model without a loss. Inputs: z [batch, 3, height, width], t [batch], the conditions, and the route of the
 * shape if it has one. Output: `prediction`, in the shape of z.
 */
export function tracePredictGraph(
  model: ModelConfig,
  shape: BatchShape,
  { fusesAttention = false }: Pick<Tuning, 'fusesAttention'> = {},
): Graph {
  const graph = trace(builder => {
    const z = builder.input('z', { shape: [shape.batch, model.in_channels, shape.height, shape.width], dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, model, shape);
    const route = declareRoute(builder, shape);
    const inputs = { z, t, conditions, fusesAttention, ...(route && { route }) };
    const { prediction } = applyNanoDit(new Params(builder, model), model, inputs);
    return { outputs: { prediction } };
  });
  return verify(graph);
}
