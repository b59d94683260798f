import type { ModelConfig } from '../../configs/schema.ts';
import { trace } from '../compiler/trace.ts';
import { declareConditions, fedTextTokens, type PictureSize } from './batch.ts';
import { applyNanoDit } from './nanodit.ts';
import { type ParamSpec, Params } from './params.ts';

/**
 * The parameters that a model declares, in the order of its use.
 * @param size Of a picture that the model can draw: the parameters are those of every size.
 */
export function listParams(model: ModelConfig, { width, height }: PictureSize): readonly ParamSpec[] {
  const shape = { batch: 1, width, height, textTokens: fedTextTokens(model, 1) };
  let specs: readonly ParamSpec[] = [];
  trace(builder => {
    const params = new Params(builder, model);
    const z = builder.input('z', { shape: [1, model.in_channels, height, width], dtype: 'f32' });
    const t = builder.input('t', { shape: [1], dtype: 'f32' });
    const { prediction } = applyNanoDit(params, model, { z, t, conditions: declareConditions(builder, model, shape) });
    specs = params.specs;
    return { outputs: { prediction } };
  });
  return specs;
}
