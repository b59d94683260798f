/** @file The transformer block of `arch: joint`: image tokens are the only queries; keys and values are [image | text | pose]. */

import type { ModelConfig } from '../../configs/schema.ts';
import { linear, rmsNorm, swiglu } from '../compiler/composites.ts';
import { add, concat, matmul, mul, reshape, slice, softmax, transpose } from '../compiler/functions.ts';
import { type Rotation, rotate } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import type { ContextGroup } from './conditions.ts';
import type { Params } from './params.ts';

export interface BlockContext {
  readonly groups: readonly ContextGroup[];
  readonly rotation: Rotation;
  /** 0 where a key is attended, very negative where not: [batch, 1, 1, keys]; absent without context. */
  readonly bias?: Value;
}

/** The six modulations of one block, [batch, 1, hidden] each: shift, scale and gate of attention and of the MLP. */
export type Modulation = readonly [Value, Value, Value, Value, Value, Value];

/** x(1 + scale) + shift over the last axis. */
export function modulate(x: Value, shift: Value, scale: Value): Value {
  return add(mul(x, add(scale, 1)), shift);
}

/** Cuts [batch, count * hidden] into `count` pieces [batch, 1, hidden]. */
export function splitModulation(packed: Value, hidden: number): Value[] {
  const [batch = 0, width = 0] = packed.shape;
  return Array.from({ length: width / hidden }, (_, i) =>
    reshape(slice(packed, 1, i * hidden, (i + 1) * hidden), [batch, 1, hidden]),
  );
}

/** x [batch, tokens, hidden] -> the same, one block on. */
export function applyBlock(
  params: Params,
  model: ModelConfig,
  name: string,
  x: Value,
  context: BlockContext,
  modulation: Modulation,
): Value {
  const [shift1, scale1, gate1, shift2, scale2, gate2] = modulation;
  const { builder } = params;
  const attended = builder.scope('attention', () =>
    attend(params, model, `${name}.attn`, modulate(rmsNorm(x), shift1, scale1), context),
  );
  const middle = add(x, mul(attended, gate1));
  const transformed = builder.scope('mlp', () =>
    feedForward(params, model, `${name}.mlp`, modulate(rmsNorm(middle), shift2, scale2)),
  );
  return add(middle, mul(transformed, gate2));
}

/** SwiGLU (arXiv 2002.05202). */
function feedForward(params: Params, model: ModelConfig, name: string, x: Value): Value {
  const hidden = model.hidden_size;
  const inner = mlpDim(model);
  const gate = linear(x, params.weight(`${name}.gate`, hidden, inner, 'matrix'));
  const up = linear(x, params.weight(`${name}.up`, hidden, inner, 'matrix'));
  return linear(swiglu(gate, up), params.weight(`${name}.down`, inner, hidden, 'matrix'));
}

/** hidden * ratio, rounded to a multiple of 16. */
export function mlpDim(model: ModelConfig): number {
  return Math.max(16, Math.round((model.hidden_size * model.mlp_ratio) / 16) * 16);
}

function attend(params: Params, model: ModelConfig, name: string, x: Value, context: BlockContext): Value {
  const [batch = 0, tokens = 0, hidden = 0] = x.shape;
  const heads = model.num_heads;
  const headDim = hidden / heads;
  const project = (input: Value, part: string) => {
    const [, count = 0] = input.shape;
    const projected = linear(input, params.weight(`${name}.${part}`, hidden, hidden, 'matrix'));
    return reshape(projected, [batch, count, heads, headDim]);
  };
  const byHead = (value: Value) => transpose(value, [0, 2, 1, 3]);
  const gainOf = (part: string) => params.gain(`${name}.${part}`, headDim);
  const normalized = (input: Value, part: string) => byHead(rmsNorm(project(input, part)));

  // 1 / sqrt(headDim) goes into the small gain, not over the large scores.
  const queryGain = mul(gainOf('q_norm'), 1 / Math.sqrt(headDim));
  const query = rotate(normalized(x, 'q'), context.rotation, queryGain);
  const keys = [rotate(normalized(x, 'k'), context.rotation, gainOf('k_norm'))];
  const values = [byHead(project(x, 'v'))];
  for (const group of context.groups) {
    const key = normalized(group.tokens, 'context_k');
    const gain = gainOf('context_k_norm');
    keys.push(group.rotation ? rotate(key, group.rotation, gain) : mul(key, gain));
    values.push(byHead(project(group.tokens, 'context_v')));
  }
  const scores = matmul(query, concat(keys, 2), { transposeB: true });
  const weights = softmax(context.bias ? add(scores, context.bias) : scores);
  const mixed = byHead(matmul(weights, concat(values, 2)));
  return linear(reshape(mixed, [batch, tokens, hidden]), params.weight(`${name}.out`, hidden, hidden, 'matrix'));
}
