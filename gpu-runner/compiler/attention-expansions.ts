/**
 * @file Attention as one operation in terms of primitives, forward and backward (FlashAttention-2, arXiv 2307.08691,
 * without its tiles). Products have the dtype of the query; scores, softmax and sums are f32.
 */
import type { AttentionAttrs, AttentionGradientAttrs } from './attention-rows.ts';
import {
  add,
  cast,
  exp,
  less,
  log,
  matmul,
  mul,
  reduceMax,
  reduceSum,
  reshape,
  select,
  softmax,
  stopGradient,
  sub,
} from './functions.ts';
import { GraphError } from './shapes.ts';
import type { Shape } from './tensor.ts';
import type { Value } from './trace.ts';

/** A score that hides a key. Its exponential is 0 next to any real score, and a row of only this score stays finite. */
export const MASKED = -1e9;

export function expandAttention(operands: readonly Value[], attrs: AttentionAttrs): Value {
  const [query, , value] = operands;
  const weights = softmax(scoresOf(operands, attrs, operands[3]));
  return matmul(cast(weights, required(query).dtype), required(value));
}

export function expandAttentionStats(operands: readonly Value[], attrs: AttentionAttrs): Value {
  const scores = scoresOf(operands, attrs, operands[3]);
  const peak = stopGradient(reduceMax(scores, [-1]));
  return add(log(reduceSum(exp(sub(scores, peak)), [-1])), peak);
}

export function expandAttentionGradient(operands: readonly Value[], attrs: AttentionGradientAttrs): Value {
  const [query, key, value, stats, output, ct] = operands.map(required);
  if (!query || !key || !value || !stats || !output || !ct) throw new GraphError('attentionGradient lacks an operand');
  const weights = exp(sub(scoresOf(operands, attrs, operands[6]), stats));
  if (attrs.of === 'value') return matmul(cast(weights, ct.dtype), ct, { transposeA: true });
  const toWeights = cast(matmul(ct, value, { transposeB: true }), 'f32');
  const mean = reduceSum(mul(cast(ct, 'f32'), cast(output, 'f32')), [-1]);
  const toScores = mul(weights, sub(toWeights, mean));
  if (attrs.of === 'bias') return sumTo(toScores, required(operands[6]));
  const scaled = cast(mul(toScores, attrs.scale), query.dtype);
  return attrs.of === 'query' ? matmul(scaled, key) : matmul(scaled, query, { transposeA: true });
}

/** Masked scores, f32[batch, heads, queries, keys]. */
function scoresOf([query, key]: readonly Value[], { scale, mask }: AttentionAttrs, operand?: Value): Value {
  const products = matmul(required(query), required(key), { transposeB: true });
  const scores = mul(cast(products, 'f32'), scale);
  if (mask === 'none') return scores;
  const masking = required(operand);
  if (mask === 'bias') return add(scores, cast(masking, 'f32'));
  const keys = scores.shape.at(-1) ?? 0;
  const positions = Array.from({ length: keys }, (_, i) => i);
  const isSeen = less(scores.builder.constant(positions, [keys], 'i32'), reshape(masking, [-1, 1, 1, 1]));
  return select(isSeen, scores, MASKED);
}

/** `x` summed over the axes along which `target` was broadcast to it. */
function sumTo(x: Value, target: Value): Value {
  const offset = x.shape.length - target.shape.length;
  const aligned: Shape = x.shape.map((_, axis) => target.shape[axis - offset] ?? 1);
  const axes = aligned.flatMap((size, axis) => (size === 1 ? [axis] : []));
  return cast(reshape(reduceSum(x, axes), target.shape), target.dtype);
}

function required(x: Value | undefined): Value {
  if (x === undefined) throw new GraphError('attention lacks an operand');
  return x;
}
