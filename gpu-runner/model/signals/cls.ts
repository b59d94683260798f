/** @file The embedding of a whole picture: added to the time embedding, and with `arch: cross` a context token too. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { add, less, reshape, select } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import {
  type ContextGroup,
  isKept,
  normalize,
  normContext,
  nullVector,
  project,
  type SignalInput,
  type SignalLayer,
} from './signal.ts';

export const clsLayer: SignalLayer = (params, model, input, { time }) => {
  const cls = embedCls(params, model, input);
  if (model.arch === 'joint') return { pooled: [cls] };
  const token = model.cls_token === 'conditioning' ? add(time(), cls) : cls;
  return { context: [clsToken(params, model, token)], pooled: [cls] };
};

/** value [batch, dim] -> [batch, hidden]. */
function embedCls(params: Params, model: ModelConfig, { value, keep }: SignalInput): Value {
  const dim = value.shape[1] ?? 0;
  const known = normalize(value, model.conditions?.cls?.norm ?? 'none');
  const embed = (vectors: Value) => project(params, model, 'cls.proj', vectors);
  const orNull = (vectors: Value) => select(isKept(keep, 2), vectors, nullVector(params, model, 'cls.null', dim));
  return model.nulls === 'input' ? embed(orNull(known)) : orNull(embed(known));
}

/** A vector [batch, hidden] as a token. Queries always attend to it. */
function clsToken(params: Params, model: ModelConfig, vector: Value): ContextGroup {
  const [batch = 0, hidden = 0] = vector.shape;
  return {
    tokens: reshape(normContext(params, model, 'cls.norm', vector), [batch, 1, hidden]),
    visible: less(0, vector.builder.constant([1], [batch, 1])),
  };
}
