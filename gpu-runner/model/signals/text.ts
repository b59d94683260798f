/** @file Text: its tokens as context, and with `arch: joint` their mean in the time embedding. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear } from '../../compiler/composites.ts';
import { add, and, div, less, max, reduceSum, reshape, select, slice } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import {
  biasOfCopies,
  isKept,
  maskToFloat,
  normContext,
  nullVector,
  project,
  type SignalInput,
  type SignalLayer,
} from './signal.ts';

export const textLayer: SignalLayer = (params, model, input) => {
  const text = embedText(params, model, input);
  const pooled = model.arch === 'joint' ? [poolText(params, model, text)] : [];
  const { tokens, seen, bias } = text;
  return { context: [{ tokens, visible: less(0.5, seen), ...(bias && { bias }) }], pooled };
};

/** tokens [batch, n, hidden]; seen [batch, n], 1 = attended. */
interface TextTokens {
  readonly tokens: Value;
  readonly seen: Value;
  /** As of a context group. */
  readonly bias?: Value;
}

/** The tokens of a text. A dropped text is one learned null token, and the other tokens are masked. */
function embedText(params: Params, model: ModelConfig, { value, mask, keep }: SignalInput): TextTokens {
  if (mask === undefined) throw new TypeError('text is fed with a mask');
  const [batch = 0, count = 0, dim = 0] = value.shape;
  const { builder } = value;
  const limit = model.conditions?.text?.tokens ?? count;
  // A text without tokens counts as dropped.
  const isThere = () => and(isKept(keep, 2), less(0.5, reduceSum(mask, [1])));
  const ofToken = (kept: Value) => reshape(kept, [batch, 1, 1]);
  const nothing = () => nullVector(params, model, 'text.null', dim);

  const early = model.nulls === 'input' ? isThere() : undefined;
  const known = early ? select(ofToken(early), value, nothing()) : value;
  const embedded = embedTokens(params, model, known, limit);
  const late = early ? undefined : nothing();
  const kept = early ?? isThere();
  const real = less(builder.constant([0.5], []), mask);
  const only = builder.constant([1, ...new Array<number>(count - 1).fill(0)], [1, count]);
  const seen = select(kept, maskToFloat(real), only);
  const copies = biasOfCopies(params, model, limit);
  return {
    tokens: late ? select(ofToken(kept), embedded, late) : embedded,
    seen,
    ...(copies && { bias: select(kept, 0, copies) }),
  };
}

/** Vectors of tokens [batch, n, dim] -> [batch, n, hidden], normed. */
function embedTokens(params: Params, model: ModelConfig, value: Value, limit: number): Value {
  const [, count = 0] = value.shape;
  if (model.text?.position === false) {
    return normContext(params, model, 'text.norm', project(params, model, 'text.proj', value));
  }
  const position = slice(params.embedding('text.position', [limit, model.hidden_size]), 0, 0, count);
  return normContext(params, model, 'text.norm', add(project(params, model, 'text.proj', value), position));
}

/** The mean of the visible tokens, projected: [batch, hidden]. */
function poolText(params: Params, model: ModelConfig, { tokens, seen }: TextTokens): Value {
  const [batch = 0, count = 0, hidden = 0] = tokens.shape;
  const weights = reshape(seen, [batch, count, 1]);
  const mean = div(reduceSum(select(less(0.5, weights), tokens, 0), [1]), max(reduceSum(weights, [1]), 1));
  return linear(reshape(mean, [batch, hidden]), params.weight('text.pool', hidden, model.hidden_size));
}
