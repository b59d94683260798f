/** @file The transformer block of `arch: joint`: image tokens are the only queries; keys and values are [image | text | pose]. */

import type { ModelConfig } from '../../configs/schema.ts';
import { linear, rmsNorm, swiglu } from '../compiler/composites.ts';
import { add, mul, reshape, slice } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import { applyAttention } from './attention.ts';
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
  const attended = builder.scope('attention', () => {
    const query = { tokens: modulate(rmsNorm(x), shift1, scale1), rotation: context.rotation };
    const sources = [
      { ...query, prefix: '' } as const,
      ...context.groups.map(group => ({ ...group, prefix: 'context_' }) as const),
    ];
    return applyAttention(params, model, `${name}.attn`, query, sources, context.bias);
  });
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
