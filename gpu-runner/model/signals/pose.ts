/** @file Joints of a person: a context token each, at its place. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { geluErf, linear } from '../../compiler/composites.ts';
import { add, broadcast, concat, less, mul, reduceSum, reshape, select, slice } from '../../compiler/functions.ts';
import type { Rotation } from '../../compiler/rotary.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { FOURIER_DIM, fourierFeatures, frameOf, pointRotation } from '../positions.ts';
import { sincosPoints } from '../sincos.ts';
import {
  type ContextGroup,
  maskToFloat,
  normContext,
  nullToken,
  type SignalInput,
  type SignalLayer,
  type TokenGrid,
} from './signal.ts';

export const poseLayer: SignalLayer = (params, model, input, grid) => {
  const joints = poseTokens(params, model, input, grid);
  if (model.arch === 'joint' || model.pose?.null_pose === 'attended') return { context: [joints] };
  // One null token for a sample without a visible joint.
  const absent = less(reduceSum(maskToFloat(joints.visible), [1]), 0.5);
  const nothing = params.embedding('pose.null', [model.hidden_size]);
  return { context: [joints, nullToken(nothing, absent)] };
};

/** Joints that count, [batch, joints] each: 0 where a joint is below the threshold, or the pose is dropped. */
interface SeenJoints {
  readonly isSeen: Value;
  /** In [-1, 1]. */
  readonly x: Value;
  readonly y: Value;
  readonly confidence: Value;
}

/** Joints -> a context token each, at its place. Joints that do not count are masked, or are learned null tokens. */
function poseTokens(params: Params, model: ModelConfig, input: SignalInput, grid: TokenGrid): ContextGroup {
  const joints = readJoints(model, input);
  const { isSeen } = joints;
  const [batch = 0, count = 0] = isSeen.shape;
  const hidden = model.hidden_size;
  const embedded = embedJoints(params, model, joints, grid);
  const std = model.init === 'xavier' ? 1 : 0.02;
  const hasNames = model.pose?.joint_embeddings ?? true;
  const named = hasNames ? add(embedded, params.embedding('pose.joint', [count, hidden], std)) : embedded;
  const norm = (tokens: Value) => normContext(params, model, 'pose.norm', tokens);
  const place = () => {
    const rotation = rotationOf(model, joints, grid);
    return { ...(rotation && { rotation }) };
  };
  if (model.pose?.null_pose !== 'attended') return { tokens: norm(named), visible: isSeen, ...place() };
  const nothing = params.embedding('pose.nulls', [count, hidden], model.nulls === 'input' ? 0 : 0.02);
  const tokens = norm(select(reshape(isSeen, [batch, count, 1]), named, nothing));
  const visible = broadcast(less(0, isSeen.builder.constant([1], [])), [batch, count]);
  return { tokens, visible, ...place() };
}

function readJoints(model: ModelConfig, { value: joints, keep }: SignalInput): SeenJoints {
  const [batch = 0, count = 0] = joints.shape;
  const threshold = model.conditions?.pose?.threshold ?? 0;
  const part = (index: number) => reshape(slice(joints, 2, index, index + 1), [batch, count]);
  const confidence = part(2);
  const kept = less(0.5, keep);
  const seen = select(reshape(kept, [batch, 1]), maskToFloat(less(threshold, confidence)), 0);
  const isSeen = less(0.5, seen);
  const [x, y] = [select(isSeen, part(0), 0), select(isSeen, part(1), 0)];
  return { isSeen, x, y, confidence };
}

/** [batch, joints, hidden] of place and confidence; with sines as positions, of their code too. */
function embedJoints(params: Params, model: ModelConfig, joints: SeenJoints, grid: TokenGrid): Value {
  const { isSeen, x, y, confidence } = joints;
  const [batch = 0, count = 0] = isSeen.shape;
  const hidden = model.hidden_size;
  const column = (part: Value) => reshape(part, [batch, count, 1]);
  const { edge } = frameOf(model, grid);
  const isMlp = model.pose?.embedding === 'mlp';
  const places = isMlp ? [column(x), column(y)] : [fourierFeatures(stretch(x, edge.x), stretch(y, edge.y))];
  const features = concat([...places, column(select(isSeen, confidence, 0))], 2);
  const projected = isMlp
    ? applyPoseMlp(params, hidden, features)
    : linear(features, params.weight('pose.proj', FOURIER_DIM + 1, hidden));
  if (model.position !== 'sincos' || !(model.pose?.position ?? true)) return projected;
  const cell = (u: Value, cells: number) => add(mul(u, cells / 2), (cells - 1) / 2);
  return add(projected, sincosPoints(cell(x, grid.columns), cell(y, grid.rows), hidden));
}

/** Two matrices with GELU between them, as in the seed. */
function applyPoseMlp(params: Params, hidden: number, features: Value): Value {
  const apply = (input: Value, part: string) => {
    const weight = params.weight(`pose.${part}`, input.shape.at(-1) ?? 0, hidden);
    return add(linear(input, weight), params.zeros(`pose.${part}_bias`, [hidden]));
  };
  return apply(geluErf(apply(features, 'in')), 'out');
}

function rotationOf(model: ModelConfig, { x, y }: SeenJoints, grid: TokenGrid): Rotation | undefined {
  if (model.position === 'sincos' || !(model.pose?.position ?? true)) return undefined;
  const { turn } = frameOf(model, grid);
  const headDim = model.hidden_size / model.num_heads;
  return pointRotation(mul(x, (turn * grid.columns) / 2), mul(y, (turn * grid.rows) / 2), headDim);
}

const stretch = (value: Value, by: number): Value => (by === 1 ? value : mul(value, by));
