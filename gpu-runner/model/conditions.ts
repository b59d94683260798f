/**
 * @file The four signals. A dropped one leaves no trace: its numbers pass a select, so not one bit of the output depends on them.
 */

import type { ModelConfig } from '../../configs/schema.ts';
import { linear, rmsNorm } from '../compiler/composites.ts';
import {
  add,
  and,
  concat,
  div,
  less,
  max,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  select,
  slice,
} from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';
import { FOURIER_DIM, fourierFeatures, pointRotation } from './positions.ts';

/** What a run is fed; `keep` vectors are [batch], 1 = the signal is there, 0 = dropped. */
export interface ConditionInputs {
  readonly text?: { readonly tokens: Value; readonly mask: Value; readonly keep: Value };
  readonly cls?: { readonly embedding: Value; readonly keep: Value };
  readonly patches?: { readonly grid: Value; readonly keep: Value };
  readonly pose?: { readonly joints: Value; readonly keep: Value };
}

/** Tokens that image queries attend to beside the image. */
export interface ContextGroup {
  /** [batch, tokens, hidden] */
  readonly tokens: Value;
  /** [batch, tokens]; true = attended. */
  readonly visible: Value;
  /** Turns the keys; absent: no place. */
  readonly rotation?: Rotation;
}

export interface EncodedConditions {
  readonly context: readonly ContextGroup[];
  /** Added to the time embedding, [batch, hidden]. */
  readonly pooled: readonly Value[];
  /** Added to the image tokens, [batch, tokens, hidden]. */
  readonly spatial?: Value;
}

interface Grid {
  readonly rows: number;
  readonly columns: number;
}

export function encodeConditions(
  params: Params,
  model: ModelConfig,
  inputs: ConditionInputs,
  grid: Grid,
): EncodedConditions {
  const text = inputs.text && encodeText(params, model, inputs.text);
  const cls = inputs.cls && encodeCls(params, model, inputs.cls);
  const spatial = inputs.patches && encodePatches(params, model, inputs.patches, grid);
  const pose = inputs.pose && encodePose(params, model, inputs.pose, grid);
  return {
    context: [text?.group, pose].filter(group => group !== undefined),
    pooled: [text?.pooled, cls].filter(value => value !== undefined),
    ...(spatial && { spatial }),
  };
}

/** [batch] -> bool [batch, 1, ...] of the given rank. */
function isKept(keep: Value, rank: number): Value {
  const shape = [keep.shape[0] ?? 0, ...new Array<number>(rank - 1).fill(1)];
  return reshape(less(0.5, keep), shape);
}

/** tokens [batch, n, dim], mask [batch, n]. Dropped: one learned null token, the rest masked out. */
function encodeText(params: Params, model: ModelConfig, { tokens, mask, keep }: NonNullable<ConditionInputs['text']>) {
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
  const visible = select(kept, castMask(real), only);
  const content = select(reshape(kept, [batch, 1, 1]), embedded, nothing);

  const weights = reshape(visible, [batch, count, 1]);
  const mean = div(reduceSum(select(less(0.5, weights), content, 0), [1]), max(reduceSum(weights, [1]), 1));
  const pooled = linear(reshape(mean, [batch, hidden]), params.weight('text.pool', hidden, hidden));
  return { group: { tokens: content, visible: less(0.5, visible) }, pooled };
}

function castMask(mask: Value): Value {
  return select(mask, mask.builder.constant([1], []), 0);
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

/** grid [batch, rows, columns, dim], finer than the tokens by a whole factor -> [batch, tokens, hidden], behind a gate that starts at 0. */
function encodePatches(
  params: Params,
  model: ModelConfig,
  { grid, keep }: NonNullable<ConditionInputs['patches']>,
  { rows, columns }: Grid,
): Value {
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const [factorY, factorX] = [fineRows / rows, fineColumns / columns];
  const cells = reshape(grid, [batch, rows, factorY, columns, factorX, dim]);
  const pooled = reshape(reduceMean(cells, [2, 4]), [batch, rows * columns, dim]);
  const projected = linear(rmsNorm(pooled), params.weight('patches.proj', dim, model.hidden_size));
  const gated = mul(projected, params.zeros('patches.gate', [model.hidden_size]));
  return select(isKept(keep, 3), gated, 0);
}

/** joints [batch, 133, (x, y, confidence)], x and y in [-1, 1]. Joints below the threshold are masked out, as all are when dropped. */
function encodePose(
  params: Params,
  model: ModelConfig,
  { joints, keep }: NonNullable<ConditionInputs['pose']>,
  { rows, columns }: Grid,
): ContextGroup {
  const [batch = 0, count = 0] = joints.shape;
  const hidden = model.hidden_size;
  const threshold = model.conditions?.pose?.threshold ?? 0;
  const part = (index: number) => reshape(slice(joints, 2, index, index + 1), [batch, count]);
  const confidence = part(2);
  const kept = less(0.5, keep);
  const seen = select(reshape(kept, [batch, 1]), castMask(less(threshold, confidence)), 0);
  const isSeen = less(0.5, seen);
  const [x, y] = [select(isSeen, part(0), 0), select(isSeen, part(1), 0)];
  const features = concat([fourierFeatures(x, y), reshape(select(isSeen, confidence, 0), [batch, count, 1])], 2);
  const projected = linear(features, params.weight('pose.proj', FOURIER_DIM + 1, hidden));
  const named = add(projected, params.get('pose.joint', [count, hidden], { std: 0.02 }));
  const tokens = mul(rmsNorm(named), params.gain('pose.norm', hidden));
  const rotation = pointRotation(mul(x, columns / 2), mul(y, rows / 2), model.hidden_size / model.num_heads);
  return { tokens, visible: isSeen, rotation };
}
