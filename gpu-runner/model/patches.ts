/**
 * @file Pixels to tokens and back. Each token's window reaches `overlap` pixels into its neighbours: on input it sees across the border, on
 * output neighbouring predictions are added there, so that no border lies between two independent predictions.
 */
import { matmul, reshape, transpose } from '../compiler/functions.ts';
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
  const wide = unfold(x, columns, geometry);
  const tall = unfold(transpose(wide, [0, 1, 3, 2]), rows, geometry);
  const grid = reshape(tall, [batch, channels, columns, window, rows, window]);
  const tokens = transpose(grid, [0, 4, 2, 1, 5, 3]);
  return reshape(tokens, [batch, rows * columns, channels * window * window]);
}

/** [batch, rows * columns, {@link patchDim}] -> [batch, channels, height, width]; overlapping windows add up. */
export function unpatchify(tokens: Value, geometry: PatchGeometry): Value {
  const { channels, rows, columns, patch, overlap } = geometry;
  const [batch = 0] = tokens.shape;
  const window = patch + 2 * overlap;
  const grid = reshape(tokens, [batch, rows, columns, channels, window, window]);
  const tall = reshape(transpose(grid, [0, 3, 2, 5, 1, 4]), [batch, channels, columns * window, rows * window]);
  const wide = transpose(fold(tall, rows, geometry), [0, 1, 3, 2]);
  return fold(wide, columns, geometry);
}

/** Last axis of count * patch pixels -> count windows, one after the other. */
function unfold(x: Value, count: number, geometry: PatchGeometry): Value {
  return alongLastAxis(x, count, geometry, true);
}

/** The transpose of {@link unfold}: windows added into count * patch pixels. */
function fold(x: Value, count: number, geometry: PatchGeometry): Value {
  return alongLastAxis(x, count, geometry, false);
}

/** A product with the 0-1 matrix [windows, pixels]: exact, and faster than copying slices. */
function alongLastAxis(x: Value, count: number, { patch, overlap }: PatchGeometry, toWindows: boolean): Value {
  if (overlap === 0) return x;
  const window = patch + 2 * overlap;
  const [windows, pixels] = [count * window, count * patch];
  const matrix = new Array<number>(windows * pixels).fill(0);
  for (let i = 0; i < windows; i++) {
    const pixel = Math.floor(i / window) * patch + (i % window) - overlap;
    if (pixel >= 0 && pixel < pixels) matrix[i * pixels + pixel] = 1;
  }
  const flat = reshape(x, [-1, toWindows ? pixels : windows]);
  const product = matmul(flat, x.builder.constant(matrix, [windows, pixels]), { transposeB: toWindows });
  return reshape(product, [...x.shape.slice(0, -1), toWindows ? windows : pixels]);
}
