/**
 * @file The transformer block: residual branches, each with a norm, a shift and scale, and a gate (adaLN-zero of DiT,
 * arXiv 2212.09748). Only image tokens are queries. No block changes the context.
 */
import { contextSignalsOf } from '../../configs/architecture.ts';
import type { ModelConfig } from '../../configs/schema.ts';
import { gelu, layerNorm, linear, rmsNorm, swiglu } from '../compiler/composites.ts';
import { add, mul } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import { applyAttention, type QuerySource } from './attention.ts';
import type { Params } from './params.ts';
import type { ContextGroup } from './signals/signal.ts';

/** The context that all blocks of a model read, and the places of the image tokens. */
export interface BlockContext {
  readonly groups: readonly ContextGroup[];
  /** Rotation of the query tokens; absent: positions are not rotary. */
  readonly rotation?: Rotation;
  /**
   * [batch, 1, 1, keys]: 0 for a key that is attended, very negative for the others. Absent without context. The keys
   * are query and context tokens with `arch: joint`, context tokens with `arch: cross`.
   */
  readonly bias?: Value;
  /** Emits attention as one operation: see `fused` of `attend`. */
  readonly fusesAttention?: boolean;
}

/** Shift, scale and gate of one branch, [batch, 1, hidden] each. A model without gates has none. */
export type Modulation = readonly [shift: Value, scale: Value, gate?: Value];

/** The change that a branch makes to x [batch, tokens, hidden], before the gate. */
type Branch = (params: Params, model: ModelConfig, name: string, x: Value, context: BlockContext) => Value;

const BRANCHES = {
  /** Keys and values are [image | context]. */
  attention(params, model, name, x, whole) {
    const query = queryOf(x, whole);
    const context = whole.groups.map(group => ({ ...group, prefix: 'context_' }) as const);
    return applyAttention(params, model, `${name}.attn`, query, [{ ...query, prefix: '' }, ...context], whole);
  },

  'self-attention'(params, model, name, x, context) {
    const query = queryOf(x, context);
    const { fusesAttention = false } = context;
    return applyAttention(params, model, `${name}.attn`, query, [{ ...query, prefix: '' }], { fusesAttention });
  },

  'cross-attention'(params, model, name, x, context) {
    const sources = context.groups.map(group => ({ ...group, prefix: '' }) as const);
    return applyAttention(params, model, `${name}.cross`, queryOf(x, context), sources, context);
  },

  /** SwiGLU (arXiv 2002.05202), or two matrices with GELU between them. */
  mlp(params, model, name, x) {
    const [hidden, inner] = [model.hidden_size, mlpDim(model)];
    const widen = (part: string) => linear(x, params.weight(`${name}.mlp.${part}`, hidden, inner, 'matrix'));
    const wide = model.mlp === 'gelu' ? gelu(widen('up')) : swiglu(widen('gate'), widen('up'));
    return linear(wide, params.weight(`${name}.mlp.down`, inner, hidden, 'matrix'));
  },
} as const satisfies Record<string, Branch>;

function queryOf(tokens: Value, { rotation }: BlockContext): QuerySource {
  return { tokens, ...(rotation && { rotation }) };
}

type BranchName = keyof typeof BRANCHES;

const BLOCKS: Readonly<Record<ModelConfig['arch'], readonly BranchName[]>> = {
  joint: ['attention', 'mlp'],
  cross: ['self-attention', 'cross-attention', 'mlp'],
};

/** The branches of the model's blocks, in order. A model without context has no cross-attention. */
export function branchesOf(model: ModelConfig): readonly BranchName[] {
  const hasContext = contextSignalsOf(model).length > 0;
  return BLOCKS[model.arch].filter(branch => hasContext || branch !== 'cross-attention');
}

/** x(1 + scale) + shift over the last axis. */
export function modulate(x: Value, shift: Value, scale: Value): Value {
  return add(mul(x, add(scale, 1)), shift);
}

/** The tokens before a branch or the head, normed over the last axis. */
export function normTokens({ norm }: ModelConfig, x: Value): Value {
  return norm === 'layer' ? layerNorm(x) : rmsNorm(x);
}

/** x [batch, tokens, hidden] after the block. `modulations` has one entry for each of {@link branchesOf}. */
export function applyBlock(
  params: Params,
  model: ModelConfig,
  name: string,
  x: Value,
  context: BlockContext,
  modulations: readonly Modulation[],
): Value {
  return branchesOf(model).reduce((before, branch, index) => {
    const modulation = modulations[index];
    if (modulation === undefined) throw new TypeError(`the branch ${branch} of ${name} has no modulation`);
    const [shift, scale, gate] = modulation;
    const change = params.builder.scope(branch, () =>
      BRANCHES[branch](params, model, name, modulate(normTokens(model, before), shift, scale), context),
    );
    return add(before, gate ? mul(change, gate) : change);
  }, x);
}

/** hidden * ratio, rounded to a multiple of 16. */
function mlpDim(model: ModelConfig): number {
  return Math.max(16, Math.round((model.hidden_size * model.mlp_ratio) / 16) * 16);
}
