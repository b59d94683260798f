/** @file Joints of a person: a context token each, at its place. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear, rmsNorm } from '../../compiler/composites.ts';
import { add, concat, less, mul, reduceSum, reshape, select, slice } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { FOURIER_DIM, fourierFeatures, frameOf, pointRotation } from '../positions.ts';
import {
  type ContextGroup,
  maskToFloat,
  nullToken,
  type SignalInput,
  type SignalLayer,
  type TokenGrid,
} from './signal.ts';

export const poseLayer: SignalLayer = {
  joint: (params, model, input, grid) => ({ context: [poseTokens(params, model, input, grid)] }),
  cross: (params, model, input, grid) => ({ context: poseContext(params, model, input, grid) }),
};

/**
 * Joints -> a context token each, at its place. Joints below the threshold are masked, and all joints when the pose is
 * dropped.
 */
function poseTokens(
  params: Params,
  model: ModelConfig,
  { value: joints, keep }: SignalInput,
  grid: TokenGrid,
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
  const { turn, edge } = frameOf(model, grid);
  const place = fourierFeatures(stretch(x, edge.x), stretch(y, edge.y));
  const features = concat([place, reshape(select(isSeen, confidence, 0), [batch, count, 1])], 2);
  const projected = linear(features, params.weight('pose.proj', FOURIER_DIM + 1, hidden));
  const named = add(projected, params.embedding('pose.joint', [count, hidden]));
  const tokens = mul(rmsNorm(named), params.gain('pose.norm', hidden));
  const headDim = model.hidden_size / model.num_heads;
  const rotation = pointRotation(mul(x, (turn * grid.columns) / 2), mul(y, (turn * grid.rows) / 2), headDim);
  return { tokens, visible: isSeen, rotation };
}

const stretch = (value: Value, by: number): Value => (by === 1 ? value : mul(value, by));

/** The tokens of the joints, and one null token for a sample without a visible joint. */
function poseContext(params: Params, model: ModelConfig, pose: SignalInput, grid: TokenGrid): ContextGroup[] {
  const joints = poseTokens(params, model, pose, grid);
  const absent = less(reduceSum(maskToFloat(joints.visible), [1]), 0.5);
  return [joints, nullToken(params, 'pose.null', model.hidden_size, absent)];
}
