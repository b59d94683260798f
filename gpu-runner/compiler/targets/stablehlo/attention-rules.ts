/**
 * @file Attention by cuDNN's kernels. Nodes with equal operands share one call: forward, and the statistics; and the
 * gradients of query, key and value.
 */
import { type AttentionAttrs, fitsHead } from '../../attention-rows.ts';
import type { AnyNode, Graph, Node } from '../../graph.ts';
import type { TensorSpec } from '../../tensor.ts';
import {
  backwardCall,
  type CudnnAttention,
  type CudnnCall,
  type CudnnOperands,
  forwardCall,
} from './cudnn-attention.ts';
import type { Emitter, Operand } from './emitter.ts';

type AttentionName = 'attention' | 'attentionStats' | 'attentionGradient';

/** True for attention as one operation, forward or backward. */
export function isAttention(node: AnyNode): node is { readonly [O in AttentionName]: Node<O> }[AttentionName] {
  return node.op === 'attention' || node.op === 'attentionStats' || node.op === 'attentionGradient';
}

/**
 * True for attention, forward or backward, that cuDNN has kernels for: f16 or bf16, heads that kernels take, even
 * numbers of queries and keys. It has none for the gradient of a bias.
 */
export function isCudnnAttention(node: AnyNode, { nodes }: Graph): boolean {
  if (!isAttention(node)) return false;
  const [query, key, value] = node.inputs.map(input => nodes[input]);
  if (!query || !key || !value) return false;
  const [, , queries = 0, dim = 0] = query.shape;
  const keys = key.shape[2] ?? 0;
  const isShort = query.dtype === 'bf16' || query.dtype === 'f16';
  const fits = fitsHead(dim, value.shape[3] ?? 0) && queries % 2 === 0 && keys % 2 === 0;
  return isShort && fits && !(node.op === 'attentionGradient' && node.attrs.of === 'bias');
}

export function attentionOutput(emit: Emitter, node: Node<'attention'>, operands: readonly Operand[]): Operand {
  return resultOf(forward(emit, node.attrs, operands), 0);
}

export function attentionStats(emit: Emitter, node: Node<'attentionStats'>, operands: readonly Operand[]): Operand {
  return emit.reshape(resultOf(forward(emit, node.attrs, operands), 1), node.shape);
}

export function attentionGradient(
  emit: Emitter,
  { attrs }: Node<'attentionGradient'>,
  [query, key, value, stats, output, cotangent, mask]: readonly Operand[],
): Operand {
  if (!query || !key || !value || !stats || !output || !cotangent) throw new TypeError('a gradient lacks operands');
  const attention = describe(attrs, query, key);
  const call = backwardCall(attention, {
    ...prepare(emit, attention, [query, key, value], mask),
    stats: emit.reshape(stats, stats.shape.slice(0, 3)).name,
    cotangent: byToken(emit, cotangent),
    output: byToken(emit, output),
  });
  const index = ['query', 'key', 'value'].indexOf(attrs.of);
  return resultOf(defineCall(emit, call), index);
}

function forward(emit: Emitter, attrs: AttentionAttrs, [query, key, value, mask]: readonly Operand[]) {
  if (!query || !key || !value) throw new TypeError('attention lacks operands');
  const attention = describe(attrs, query, key);
  return defineCall(emit, forwardCall(attention, prepare(emit, attention, [query, key, value], mask)));
}

function resultOf(results: readonly Operand[], index: number): Operand {
  const result = results[index];
  if (result === undefined) throw new TypeError(`the call has no result ${index}`);
  return result;
}

function describe({ scale, mask }: AttentionAttrs, query: Operand, key: Operand): CudnnAttention {
  const [batch = 0, heads = 0, queries = 0, dim = 0] = query.shape;
  const dtype = query.dtype === 'f16' ? 'f16' : 'bf16';
  return { batch, heads, queries, keys: key.shape[2] ?? 0, dim, scale, dtype, mask };
}

/** The operands in cuDNN's order of axes. */
function prepare(
  emit: Emitter,
  attention: CudnnAttention,
  [query, key, value]: readonly [Operand, Operand, Operand],
  mask: Operand | undefined,
): CudnnOperands {
  return {
    query: byToken(emit, query),
    key: byToken(emit, key),
    value: byToken(emit, value),
    ...(mask && attention.mask === 'bias' && { bias: wholeBias(emit, attention, mask) }),
    ...(mask && attention.mask === 'lengths' && { lengths: [wholeLengths(emit, attention), mask.name] as const }),
  };
}

/** [batch, heads, tokens, dim] as [batch, tokens, heads, dim]. */
function byToken(emit: Emitter, x: Operand): string {
  return emit.transpose(x, [0, 2, 1, 3]).name;
}

/** f16 has no -1e9. An exponential of this is 0 next to that of a real score, too. */
const SMALLEST_F16_BIAS = -(2 ** 15);

/** [batch or 1, heads or 1, queries, keys] in the dtype of the query. */
function wholeBias(emit: Emitter, { queries, keys, dtype }: CudnnAttention, bias: Operand) {
  const short = emit.convert(dtype === 'f16' ? atLeast(emit, bias, SMALLEST_F16_BIAS) : bias, dtype);
  const [batch = 1, heads = 1] = Array.from({ length: 4 }, (_, axis) => bias.shape[axis - 4 + bias.shape.length] ?? 1);
  return emit.spread(short, [batch, heads, queries, keys]);
}

function atLeast(emit: Emitter, x: Operand, least: number): Operand {
  return emit.elementwise('stablehlo.maximum', [x, emit.constant([least], x)], x);
}

/** All queries of all samples count: [batch]. */
function wholeLengths(emit: Emitter, { batch, queries }: CudnnAttention): string {
  return emit.constant([queries], { shape: [batch], dtype: 'i32' }).name;
}

/** The last result of a call. Nothing reads it, so its dtype, ui8 in the text, needs no name of ours. */
const WORKSPACE: TensorSpec = { shape: [0], dtype: 'bool' };

function defineCall(emit: Emitter, { text, results }: CudnnCall): readonly Operand[] {
  return emit.defineAll(text, [...results, WORKSPACE]);
}
