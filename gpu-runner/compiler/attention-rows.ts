/** @file Rows of ops.ts for attention as one operation: forward, statistics for the backward pass, and gradients. */
import { at, type OpRow, requireFloat, requireSameType, sizeAt } from './op-rows.ts';
import { broadcastShapes, GraphError, isSameShape } from './shapes.ts';
import { formatType, type TensorSpec } from './tensor.ts';

export interface AttentionAttrs {
  /** Factor of the scores, before the mask. */
  readonly scale: number;
  /**
   * The last operand. `bias`: floats that are added to the scores, broadcast to [batch, heads, queries, keys].
   * `lengths`: i32[batch], the number of keys that a sample sees, from the first on. `none`: no such operand.
   */
  readonly mask: 'none' | 'bias' | 'lengths';
}

export interface AttentionGradientAttrs extends AttentionAttrs {
  /** The operand whose gradient it is. */
  readonly of: 'query' | 'key' | 'value' | 'bias';
}

/**
 * Requires query [batch, heads, queries, dim], key [batch, heads, keys, dim] and value [batch, heads, keys, value dim],
 * and the mask as operand `maskAt`. @throws GraphError
 */
function requireAttention(operands: readonly TensorSpec[], { mask }: AttentionAttrs, maskAt: number): void {
  const [query, key, value] = [at(operands, 0), at(operands, 1), at(operands, 2)];
  requireFloat(query);
  requireSameType(query, key);
  requireSameType(query, value);
  const [batch, heads, queries = 0, dim = 0] = query.shape;
  const keys = sizeAt(key.shape, key.shape.length - 2);
  const fits =
    [query, key, value].every(({ shape }) => shape.length === 4 && shape[0] === batch && shape[1] === heads) &&
    key.shape[3] === dim &&
    value.shape[2] === keys;
  if (!fits) {
    throw new GraphError(`query, key and value do not fit: ${[query, key, value].map(formatType).join(', ')}`);
  }
  const expected = maskAt + (mask === 'none' ? 0 : 1);
  if (operands.length !== expected) throw new GraphError(`expected ${expected} operands, got ${operands.length}`);
  if (mask === 'none') return;
  const operand = at(operands, maskAt);
  if (mask === 'lengths') {
    if (operand.dtype !== 'i32' || operand.shape.length !== 1 || operand.shape[0] !== batch) {
      throw new GraphError(`expected lengths i32[${batch}], got ${formatType(operand)}`);
    }
    return;
  }
  requireFloat(operand);
  const scores = [batch ?? 0, heads ?? 0, queries, keys];
  if (!isSameShape(broadcastShapes(operand.shape, scores), scores)) {
    throw new GraphError(`${formatType(operand)} does not broadcast to the scores [${scores.join(', ')}]`);
  }
}

function outputOf([query, , value]: readonly TensorSpec[]): TensorSpec {
  const { shape = [], dtype = 'f32' } = query ?? {};
  return { shape: [...shape.slice(0, 3), value?.shape[3] ?? 0], dtype };
}

export const ATTENTION_ROW: OpRow<AttentionAttrs> = {
  doc: 'softmax(scale query key^T, masked) value over [batch, heads, tokens, dim]; scores and softmax in f32',
  arity: undefined,
  infer(operands, attrs) {
    requireAttention(operands, attrs, 3);
    return outputOf(operands);
  },
};

export const ATTENTION_STATS_ROW: OpRow<AttentionAttrs> = {
  doc: 'log of the sum of exponentials of the masked scores, f32[batch, heads, queries, 1]; operands of attention',
  arity: undefined,
  infer(operands, attrs) {
    requireAttention(operands, attrs, 3);
    return { shape: [...at(operands, 0).shape.slice(0, 3), 1], dtype: 'f32' };
  },
};

export const ATTENTION_GRADIENT_ROW: OpRow<AttentionGradientAttrs> = {
  doc: 'gradient of attention by one operand; operands: query, key, value, statistics, result, its cotangent, mask',
  arity: undefined,
  infer(operands, attrs) {
    requireAttention(operands, attrs, 6);
    const output = outputOf(operands);
    const stats: TensorSpec = { shape: [...output.shape.slice(0, 3), 1], dtype: 'f32' };
    for (const [index, spec] of [stats, output, output].entries()) {
      const operand = at(operands, 3 + index);
      if (operand.dtype !== spec.dtype || !isSameShape(operand.shape, spec.shape)) {
        throw new GraphError(`operand ${3 + index} is ${formatType(operand)}, expected ${formatType(spec)}`);
      }
    }
    if (attrs.of === 'bias' && attrs.mask !== 'bias') throw new GraphError('there is no bias');
    return at(operands, { query: 0, key: 1, value: 2, bias: 6 }[attrs.of]);
  },
};

/** Widest head of the kernels of all supported GPUs (from compute capability 8.0 on). */
const WIDEST_HEAD = 128;

/** Whether kernels take heads of these channels: as many for values as for keys, in eights. */
export function fitsHead(dim: number, valueDim: number): boolean {
  return valueDim === dim && dim % 8 === 0 && dim <= WIDEST_HEAD;
}
