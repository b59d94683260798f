/** @file The embedding of a whole picture: added to the time embedding, and with `arch: cross` a context token too. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear, rmsNorm } from '../../compiler/composites.ts';
import { less, mul, reshape, select } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { type ContextGroup, isKept, normalize, type SignalInput, type SignalLayer } from './signal.ts';

export const clsLayer: SignalLayer = {
  joint: (params, model, input) => ({ pooled: [embedCls(params, model, input)] }),
  cross(params, model, input) {
    const cls = embedCls(params, model, input);
    return { context: [clsToken(params, model, cls)], pooled: [cls] };
  },
};

/** value [batch, dim] -> [batch, hidden]. */
function embedCls(params: Params, model: ModelConfig, { value, keep }: SignalInput): Value {
  const dim = value.shape[1] ?? 0;
  const known = normalize(value, model.conditions?.cls?.norm ?? 'none');
  const projected = linear(known, params.weight('cls.proj', dim, model.hidden_size));
  return select(isKept(keep, 2), projected, params.embedding('cls.null', [model.hidden_size]));
}

/** The projected embedding, or its null vector, as a token. Queries always attend to it. */
function clsToken(params: Params, model: ModelConfig, cls: Value): ContextGroup {
  const [batch = 0, hidden = 0] = cls.shape;
  const normal = mul(rmsNorm(cls), params.gain('cls.norm', model.hidden_size));
  return {
    tokens: reshape(normal, [batch, 1, hidden]),
    visible: less(0, cls.builder.constant([1], [batch, 1])),
  };
}
