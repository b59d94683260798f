/**
 * @file Attention with learned projections, normed queries and keys (ViT-22B, arXiv 2302.05442), and rotary positions.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import { attend, chunkFor } from '../compiler/attention.ts';
import { linear, rmsNorm } from '../compiler/composites.ts';
import { mul, reshape, transpose } from '../compiler/functions.ts';
import { type Rotation, rotate } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';

/** Tokens from which keys and values are computed. */
export interface KeySource {
  /** [batch, tokens, hidden] */
  readonly tokens: Value;
  /** Rotates the keys; absent: the tokens have no place. */
  readonly rotation?: Rotation;
  /** Start of the names of the projections. Sources with the same prefix share their projections. */
  readonly prefix: '' | 'context_';
}

/** Tokens from which queries are computed, [batch, tokens, hidden], and their places. */
export interface QuerySource {
  readonly tokens: Value;
  readonly rotation: Rotation;
}

export interface AttentionContext {
  /** Added to the scores, [batch, 1, 1, keys of all sources]. */
  readonly bias?: Value;
  /** Emits attention as one operation: see `fused` of {@link attend}. */
  readonly fusesAttention?: boolean;
}

/**
 * Multi-head attention of the query's tokens to all sources together -> [batch, tokens, hidden]. Its parameters are
 * `<name>.q`, `.k`, `.v`, `.out` and the gains `.q_norm`, `.k_norm`.
 */
export function applyAttention(
  params: Params,
  model: ModelConfig,
  name: string,
  query: QuerySource,
  sources: readonly KeySource[],
  { bias, fusesAttention: fused = false }: AttentionContext = {},
): Value {
  const [batch = 0, tokens = 0, hidden = 0] = query.tokens.shape;
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

  // The factor 1 / sqrt(headDim) multiplies the small gain instead of the large query.
  const queryGain = mul(gainOf('q_norm'), 1 / Math.sqrt(headDim));
  const turned = rotate(normalized(query.tokens, 'q'), query.rotation, queryGain);
  const groups = sources.map(source => {
    const key = normalized(source.tokens, `${source.prefix}k`);
    const gain = gainOf(`${source.prefix}k_norm`);
    return {
      key: source.rotation ? rotate(key, source.rotation, gain) : mul(key, gain),
      value: byHead(project(source.tokens, `${source.prefix}v`)),
    };
  });
  const keys = groups.reduce((sum, { key }) => sum + (key.shape[2] ?? 0), 0);
  const chunk = chunkFor({ batch, heads, queries: tokens, keys });
  const mixed = byHead(
    attend(turned, groups, { scale: 1, fused, ...(bias && { bias }), ...(chunk !== undefined && { chunk }) }),
  );
  return linear(reshape(mixed, [batch, tokens, hidden]), params.weight(`${name}.out`, hidden, hidden, 'matrix'));
}
