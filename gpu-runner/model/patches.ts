/**
 * @file Pixels to tokens and back. Each token's window reaches `overlap` pixels into its neighbours: on input it sees across the border, on
 * output neighbouring predictions are added there, so that no border lies between two independent predictions.
 */
import { add, concat, pad, reshape, slice, transpose } from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';

export interface PatchGeometry {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** Pixels. */
  readonly patch: number;
  readonly overlap: number;
}

/** Numbers per token: channels x window x window, window = patch + 2 overlap. */
export function patchDim({ channels, patch, overlap }: PatchGeometry): number {
  return channels * (patch + 2 * overlap) ** 2;
}

/** [batch, channels, height, width] -> [batch, rows * columns, {@link patchDim}]; zeros outside the picture. */
export function patchify(x: Value, geometry: PatchGeometry): Value {
  const { channels, rows, columns, patch, overlap } = geometry;
  const [batch = 0] = x.shape;
  const window = patch + 2 * overlap;
  const tall = unfold(x, 2, rows, patch, overlap);
  const wide = unfold(tall, 4, columns, patch, overlap);
  const tokens = transpose(wide, [0, 2, 4, 1, 3, 5]);
  return reshape(tokens, [batch, rows * columns, channels * window * window]);
}

/** [batch, rows * columns, {@link patchDim}] -> [batch, channels, height, width]; overlapping windows add up. */
export function unpatchify(tokens: Value, geometry: PatchGeometry): Value {
  const { channels, rows, columns, patch, overlap } = geometry;
  const [batch = 0] = tokens.shape;
  const window = patch + 2 * overlap;
  const grid = reshape(tokens, [batch, rows, columns, channels, window, window]);
  const wide = transpose(grid, [0, 3, 1, 4, 2, 5]);
  const tall = fold(wide, 4, columns, patch, overlap);
  return fold(tall, 2, rows, patch, overlap);
}

/** Splits `axis` of size count * patch into [count, patch + 2 overlap] windows. */
function unfold(x: Value, axis: number, count: number, patch: number, overlap: number): Value {
  const split = (y: Value) => reshape(y, [...x.shape.slice(0, axis), count, patch, ...x.shape.slice(axis + 1)]);
  if (overlap === 0) return split(x);
  const size = count * patch;
  const padded = padAxis(x, axis, overlap, patch - overlap);
  const body = split(slice(padded, axis, 0, size));
  const tail = split(slice(padded, axis, patch, patch + size));
  return concat([body, slice(tail, axis + 1, 0, 2 * overlap)], axis + 1);
}

/** The transpose of {@link unfold}: [count, patch + 2 overlap] windows added into count * patch. */
function fold(x: Value, axis: number, count: number, patch: number, overlap: number): Value {
  const shape = [...x.shape.slice(0, axis), count * patch, ...x.shape.slice(axis + 2)];
  if (overlap === 0) return reshape(x, shape);
  const body = reshape(slice(x, axis + 1, 0, patch), shape);
  const tail = slice(x, axis + 1, patch, patch + 2 * overlap);
  const spread = reshape(padAxis(tail, axis + 1, 0, patch - 2 * overlap), shape);
  const sum = add(padAxis(body, axis, 0, patch), padAxis(spread, axis, patch, 0));
  return slice(sum, axis, overlap, overlap + count * patch);
}

function padAxis(x: Value, axis: number, before: number, after: number): Value {
  return pad(
    x,
    x.shape.map((_, other) => (other === axis ? before : 0)),
    x.shape.map((_, other) => (other === axis ? after : 0)),
  );
}
