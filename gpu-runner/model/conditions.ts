/**
 * @file The four signals. A dropped one leaves no trace: its numbers pass a select, so not one bit of the output depends on them.
 *
 * `arch: joint` takes text and pose as context, pooled text and the CLS embedding into the time embedding, patch features into the image
 * tokens. `arch: cross` takes all four as context and the CLS embedding into the time embedding too, as the seed has it. There each signal
 * that is dropped shows one learned null token, so the context is never empty.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import { linear, rmsNorm } from '../compiler/composites.ts';
import { add, and, div, less, max, mul, reduceSum, reshape, select, slice } from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';
import { mergeGroups } from './context.ts';
import type { Params } from './params.ts';
import { patchContext, poseContext, poseTokens, spatialPatches } from './placed-signals.ts';
import { type ConditionInputs, type ContextGroup, isKept, maskToFloat, type TokenGrid } from './signals.ts';

/** What the network is given of the signals. */
export interface EncodedConditions {
  readonly context: readonly ContextGroup[];
  /** Added to the time embedding, [batch, hidden]. */
  readonly pooled: readonly Value[];
  /** Added to the image tokens, [batch, tokens, hidden]. */
  readonly spatial?: Value;
}

type Encode = (params: Params, model: ModelConfig, inputs: ConditionInputs, grid: TokenGrid) => EncodedConditions;

const ENCODERS: Readonly<Record<ModelConfig['arch'], Encode>> = {
  joint(params, model, inputs, grid) {
    const text = inputs.text && encodeText(params, model, inputs.text);
    const pooled = text && poolText(params, model, text);
    const group = text && { tokens: text.tokens, visible: less(0.5, text.seen) };
    const cls = inputs.cls && encodeCls(params, model, inputs.cls);
    const spatial = inputs.patches && spatialPatches(params, model, inputs.patches, grid);
    const pose = inputs.pose && poseTokens(params, model, inputs.pose, grid);
    return {
      context: [group, pose].filter(each => each !== undefined),
      pooled: [pooled, cls].filter(value => value !== undefined),
      ...(spatial && { spatial }),
    };
  },

  cross(params, model, inputs, grid) {
    const text = inputs.text && encodeText(params, model, inputs.text);
    const cls = inputs.cls && encodeCls(params, model, inputs.cls);
    const groups = [
      ...(text ? [{ tokens: text.tokens, visible: less(0.5, text.seen) }] : []),
      ...(cls ? [clsToken(params, model, cls)] : []),
      ...(inputs.patches ? patchContext(params, model, inputs.patches, grid) : []),
      ...(inputs.pose ? poseContext(params, model, inputs.pose, grid) : []),
    ];
    return { context: groups.length > 0 ? [mergeGroups(groups)] : [], pooled: cls ? [cls] : [] };
  },
};

/** Encodes the signals there are, for the model's arch. */
export function encodeConditions(
  params: Params,
  model: ModelConfig,
  inputs: ConditionInputs,
  grid: TokenGrid,
): EncodedConditions {
  return ENCODERS[model.arch](params, model, inputs, grid);
}

/** tokens [batch, n, hidden]; seen [batch, n], 1 = attended. */
interface TextTokens {
  readonly tokens: Value;
  readonly seen: Value;
}

/** Dropped: one learned null token, the rest masked out. */
function encodeText(
  params: Params,
  model: ModelConfig,
  { tokens, mask, keep }: NonNullable<ConditionInputs['text']>,
): TextTokens {
  const [batch = 0, count = 0, dim = 0] = tokens.shape;
  const hidden = model.hidden_size;
  const builder = tokens.builder;
  const limit = model.conditions?.text?.tokens ?? count;
  const position = slice(params.get('text.position', [limit, hidden], { std: 0.02 }), 0, 0, count);
  const projected = add(linear(tokens, params.weight('text.proj', dim, hidden)), position);
  const embedded = mul(rmsNorm(projected), params.gain('text.norm', hidden));
  const nothing = params.get('text.null', [hidden], { std: 0.02 });

  // A text without a single token is no text.
  const kept = and(isKept(keep, 2), less(0.5, reduceSum(mask, [1])));
  const real = less(builder.constant([0.5], []), mask);
  const only = builder.constant([1, ...new Array<number>(count - 1).fill(0)], [1, count]);
  const seen = select(kept, maskToFloat(real), only);
  return { tokens: select(reshape(kept, [batch, 1, 1]), embedded, nothing), seen };
}

/** The mean of the tokens that are seen, projected: [batch, hidden]. */
function poolText(params: Params, model: ModelConfig, { tokens, seen }: TextTokens): Value {
  const [batch = 0, count = 0, hidden = 0] = tokens.shape;
  const weights = reshape(seen, [batch, count, 1]);
  const mean = div(reduceSum(select(less(0.5, weights), tokens, 0), [1]), max(reduceSum(weights, [1]), 1));
  return linear(reshape(mean, [batch, hidden]), params.weight('text.pool', hidden, model.hidden_size));
}

/** embedding [batch, dim] -> [batch, hidden]. */
function encodeCls(
  params: Params,
  model: ModelConfig,
  { embedding, keep }: NonNullable<ConditionInputs['cls']>,
): Value {
  const dim = embedding.shape[1] ?? 0;
  const projected = linear(embedding, params.weight('cls.proj', dim, model.hidden_size));
  return select(isKept(keep, 2), projected, params.get('cls.null', [model.hidden_size], { std: 0.02 }));
}

/** The projected embedding, or its null vector, as a token that is always attended. */
function clsToken(params: Params, model: ModelConfig, cls: Value): ContextGroup {
  const [batch = 0, hidden = 0] = cls.shape;
  const normal = mul(rmsNorm(cls), params.gain('cls.norm', model.hidden_size));
  return {
    tokens: reshape(normal, [batch, 1, hidden]),
    visible: less(0, cls.builder.constant([1], [batch, 1])),
  };
}
