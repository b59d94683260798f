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

/** Tokens from which queries are computed, [batch, tokens, hidden], and their places if positions are rotary. */
export interface QuerySource {
  readonly tokens: Value;
  readonly rotation?: Rotation;
}

export interface AttentionContext {
  /** Added to the scores, [batch, 1, 1, keys of all sources]. */
  readonly bias?: Value;
  /** Emits attention as one operation: see `fused` of {@link attend}. */
  readonly fusesAttention?: boolean;
}

/**
 * Multi-head attention of the query's tokens to all sources together -> [batch, tokens, hidden]. Its parameters are
 * `<name>.q`, `.k`, `.v`, `.out` and, with `qk_norm`, the gains `.q_norm`, `.k_norm`.
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
  const isNormed = model.qk_norm ?? true;
  /** Queries or keys by head, normed if the model has norms. */
  const split = (input: Value, part: string) => {
    const projected = project(input, part);
    return byHead(isNormed ? rmsNorm(projected) : projected);
  };
  const gainOf = (part: string) => (isNormed ? params.gain(`${name}.${part}`, headDim) : undefined);
  // The factor 1 / sqrt(headDim) multiplies the small gain instead of the large query.
  const gain = gainOf('q_norm');
  const queryGain = gain && mul(gain, 1 / Math.sqrt(headDim));
  const turned = place(split(query.tokens, 'q'), query.rotation, queryGain);
  const groups = sources.map(({ tokens: input, rotation, prefix }) => ({
    key: place(split(input, `${prefix}k`), rotation, gainOf(`${prefix}k_norm`)),
    value: byHead(project(input, `${prefix}v`)),
  }));
  const keys = groups.reduce((sum, { key }) => sum + (key.shape[2] ?? 0), 0);
  const chunk = chunkFor({ batch, heads, queries: tokens, keys });
  const mixed = byHead(
    attend(turned, groups, {
      scale: isNormed ? 1 : 1 / Math.sqrt(headDim),
      fused,
      ...(bias && { bias }),
      ...(chunk !== undefined && { chunk }),
    }),
  );
  return linear(reshape(mixed, [batch, tokens, hidden]), params.weight(`${name}.out`, hidden, hidden, 'matrix'));
}

/** Multiplies by a gain, then rotates, each if there is one. */
function place(x: Value, rotation: Rotation | undefined, gain: Value | undefined): Value {
  if (rotation) return rotate(x, rotation, gain);
  return gain ? mul(x, gain) : x;
}
