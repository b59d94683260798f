/** @file Text: its tokens as context, and with `arch: joint` their mean in the time embedding. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear, rmsNorm } from '../../compiler/composites.ts';
import { add, and, div, less, max, mul, reduceSum, reshape, select, slice } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { isKept, maskToFloat, type SignalInput, type SignalLayer } from './signal.ts';

export const textLayer: SignalLayer = {
  joint(params, model, input) {
    const text = embedText(params, model, input);
    const pooled = poolText(params, model, text);
    return { context: [{ tokens: text.tokens, visible: less(0.5, text.seen) }], pooled: [pooled] };
  },
  cross(params, model, input) {
    const text = embedText(params, model, input);
    return { context: [{ tokens: text.tokens, visible: less(0.5, text.seen) }] };
  },
};

/** tokens [batch, n, hidden]; seen [batch, n], 1 = attended. */
interface TextTokens {
  readonly tokens: Value;
  readonly seen: Value;
}

/** The tokens of a text. A dropped text is one learned null token, and the other tokens are masked. */
function embedText(params: Params, model: ModelConfig, { value: tokens, mask, keep }: SignalInput): TextTokens {
  if (mask === undefined) throw new TypeError('text is fed with a mask');
  const [batch = 0, count = 0, dim = 0] = tokens.shape;
  const hidden = model.hidden_size;
  const builder = tokens.builder;
  const limit = model.conditions?.text?.tokens ?? count;
  const position = slice(params.embedding('text.position', [limit, hidden]), 0, 0, count);
  const projected = add(linear(tokens, params.weight('text.proj', dim, hidden)), position);
  const embedded = mul(rmsNorm(projected), params.gain('text.norm', hidden));
  const nothing = params.embedding('text.null', [hidden]);

  // A text without tokens counts as dropped.
  const kept = and(isKept(keep, 2), less(0.5, reduceSum(mask, [1])));
  const real = less(builder.constant([0.5], []), mask);
  const only = builder.constant([1, ...new Array<number>(count - 1).fill(0)], [1, count]);
  const seen = select(kept, maskToFloat(real), only);
  return { tokens: select(reshape(kept, [batch, 1, 1]), embedded, nothing), seen };
}

/** The mean of the visible tokens, projected: [batch, hidden]. */
function poolText(params: Params, model: ModelConfig, { tokens, seen }: TextTokens): Value {
  const [batch = 0, count = 0, hidden = 0] = tokens.shape;
  const weights = reshape(seen, [batch, count, 1]);
  const mean = div(reduceSum(select(less(0.5, weights), tokens, 0), [1]), max(reduceSum(weights, [1]), 1));
  return linear(reshape(mean, [batch, hidden]), params.weight('text.pool', hidden, model.hidden_size));
}
