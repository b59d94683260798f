/** @file Image tokens that skip blocks and join again behind them (TREAD, arXiv 2501.04765). */
import { add, gather, less, reshape, scatterAdd, select } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';

/**
 * The image tokens that go through block `layer`: distinct i32 indices [batch, kept] into rows * columns, or undefined
 * for all tokens. Tokens stay on their route as long as successive blocks get the same value.
 */
export type TokenRoute = (layer: number) => Value | undefined;

/** The image tokens between two blocks. */
export interface RoutedTokens {
  /** The tokens that go through the blocks, [batch, n, hidden]. */
  readonly tokens: Value;
  /** Their route, and all tokens at its start, [batch, rows * columns, hidden]. Absent: `tokens` has all of them. */
  readonly route?: { readonly indices: Value; readonly start: Value };
}

/** Puts the tokens on the route with these `indices`. Tokens of another route join first. */
export function enterRoute(routed: RoutedTokens, indices: Value | undefined): RoutedTokens {
  if (indices?.id === routed.route?.indices.id) return routed;
  const start = joinTokens(routed);
  return indices ? { tokens: takeTokens(start, indices), route: { indices, start } } : { tokens: start };
}

/**
 * All image tokens [batch, rows * columns, hidden]. Tokens that skip blocks are as they were at the start of the route.
 */
export function joinTokens({ tokens, route }: RoutedTokens): Value {
  return route ? putTokens(route.start, route.indices, tokens) : tokens;
}

/** The rotations of the tokens at `indices`: tables [tokens, headDim] -> [batch, 1, kept, headDim]. */
export function takeRotation({ cos, sin }: Rotation, indices: Value): Rotation {
  const [batch = 0, kept = 0] = indices.shape;
  const take = (table: Value) => reshape(gather(table, indices, 0), [batch, 1, kept, -1]);
  return { cos: take(cos), sin: take(sin) };
}

/** x [batch, tokens, width] at `indices` [batch, kept] -> [batch, kept, width]. */
export function takeTokens(x: Value, indices: Value): Value {
  const [batch = 0, tokens = 0, width = 0] = x.shape;
  const rows = gather(reshape(x, [batch * tokens, width]), rowsOf(indices, tokens), 0);
  return reshape(rows, [batch, -1, width]);
}

/** x [batch, tokens, width] with `updates` [batch, kept, width] at `indices`. The other tokens keep their bits. */
export function putTokens(x: Value, indices: Value, updates: Value): Value {
  const { builder } = x;
  const [batch = 0, tokens = 0, width = 0] = x.shape;
  const rows = rowsOf(indices, tokens);
  const [count = 0] = rows.shape;
  const none = builder.constant([0], [batch * tokens, 1]);
  const isTaken = less(0.5, scatterAdd(none, rows, builder.constant([1], [count, 1]), 0));
  const others = select(isTaken, 0, reshape(x, [batch * tokens, width]));
  return reshape(scatterAdd(others, rows, reshape(updates, [count, width]), 0), x.shape);
}

/** Indices within each sample -> indices [batch * kept] into the tokens of the whole batch. */
function rowsOf(indices: Value, tokens: number): Value {
  const [batch = 0] = indices.shape;
  const starts = Array.from({ length: batch }, (_, sample) => sample * tokens);
  return reshape(add(indices, indices.builder.constant(starts, [batch, 1], 'i32')), [-1]);
}
