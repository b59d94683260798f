/** @file Signals that have a place in the picture: patch features and joints. */
import type { ModelConfig } from '../../configs/schema.ts';
import { linear, rmsNorm } from '../compiler/composites.ts';
import {
  add,
  broadcast,
  concat,
  less,
  mul,
  not,
  reduceMean,
  reduceSum,
  reshape,
  select,
  slice,
} from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';
import { FOURIER_DIM, fourierFeatures, gridRotation, pointRotation } from './positions.ts';
import { type ConditionInputs, type ContextGroup, isKept, maskToFloat, nullToken, type TokenGrid } from './signals.ts';

/** Features finer than the tokens by a whole factor -> [batch, image tokens, hidden], behind a gate that starts at 0. */
export function spatialPatches(
  params: Params,
  model: ModelConfig,
  { grid, keep }: NonNullable<ConditionInputs['patches']>,
  { rows, columns }: TokenGrid,
): Value {
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const [factorY, factorX] = [fineRows / rows, fineColumns / columns];
  const cells = reshape(grid, [batch, rows, factorY, columns, factorX, dim]);
  const pooled = reshape(reduceMean(cells, [2, 4]), [batch, rows * columns, dim]);
  const projected = linear(rmsNorm(pooled), params.weight('patches.proj', dim, model.hidden_size));
  const gated = mul(projected, params.zeros('patches.gate', [model.hidden_size]));
  return select(isKept(keep, 3), gated, 0);
}

/** Features on any grid -> a context token each, at its place; one null token in their stead when they are dropped. */
export function patchContext(
  params: Params,
  model: ModelConfig,
  { grid, keep }: NonNullable<ConditionInputs['patches']>,
  { rows, columns }: TokenGrid,
): ContextGroup[] {
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const hidden = model.hidden_size;
  const count = fineRows * fineColumns;
  const known = select(isKept(keep, 3), reshape(grid, [batch, count, dim]), 0);
  const projected = linear(rmsNorm(known), params.weight('patches.proj', dim, hidden));
  const tokens = mul(rmsNorm(projected), params.gain('patches.norm', hidden));
  const step = [rows / fineRows, columns / fineColumns] as const;
  const rotation = gridRotation(grid.builder, fineRows, fineColumns, hidden / model.num_heads, step);
  const kept = isKept(keep, 2);
  const visible = broadcast(kept, [batch, count]);
  return [{ tokens, visible, rotation }, nullToken(params, 'patches.null', hidden, not(kept))];
}

/** Joints -> a context token each, at its place. Those below the threshold are masked out, as all are when the pose is dropped. */
export function poseTokens(
  params: Params,
  model: ModelConfig,
  { joints, keep }: NonNullable<ConditionInputs['pose']>,
  { rows, columns }: TokenGrid,
): ContextGroup {
  const [batch = 0, count = 0] = joints.shape;
  const hidden = model.hidden_size;
  const threshold = model.conditions?.pose?.threshold ?? 0;
  const part = (index: number) => reshape(slice(joints, 2, index, index + 1), [batch, count]);
  const confidence = part(2);
  const kept = less(0.5, keep);
  const seen = select(reshape(kept, [batch, 1]), maskToFloat(less(threshold, confidence)), 0);
  const isSeen = less(0.5, seen);
  const [x, y] = [select(isSeen, part(0), 0), select(isSeen, part(1), 0)];
  const features = concat([fourierFeatures(x, y), reshape(select(isSeen, confidence, 0), [batch, count, 1])], 2);
  const projected = linear(features, params.weight('pose.proj', FOURIER_DIM + 1, hidden));
  const named = add(projected, params.get('pose.joint', [count, hidden], { std: 0.02 }));
  const tokens = mul(rmsNorm(named), params.gain('pose.norm', hidden));
  const rotation = pointRotation(mul(x, columns / 2), mul(y, rows / 2), model.hidden_size / model.num_heads);
  return { tokens, visible: isSeen, rotation };
}

/** {@link poseTokens}, and one null token where not a joint is seen. */
export function poseContext(
  params: Params,
  model: ModelConfig,
  pose: NonNullable<ConditionInputs['pose']>,
  grid: TokenGrid,
): ContextGroup[] {
  const joints = poseTokens(params, model, pose, grid);
  const absent = less(reduceSum(maskToFloat(joints.visible), [1]), 0.5);
  return [joints, nullToken(params, 'pose.null', model.hidden_size, absent)];
}
