/**
 * @file Pixels to tokens and back. The window of a token reaches `overlap` pixels into its neighbours. On input the
 * token sees these pixels. On output the predictions of neighbours are added there, so no seam separates two patches.
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
  const tall = turn(unfold(turn(x), rows, geometry));
  const grid = reshape(unfold(tall, columns, geometry), [batch, channels, rows, window, columns, window]);
  const tokens = transpose(grid, [0, 2, 4, 1, 3, 5]);
  return reshape(tokens, [batch, rows * columns, channels * window * window]);
}

/** [batch, rows * columns, {@link patchDim}] -> [batch, channels, height, width]; overlapping windows add up. */
export function unpatchify(tokens: Value, geometry: PatchGeometry): Value {
  const { channels, rows, columns, patch, overlap } = geometry;
  const [batch = 0] = tokens.shape;
  const window = patch + 2 * overlap;
  const grid = reshape(tokens, [batch, rows, columns, channels, window, window]);
  const windows = reshape(transpose(grid, [0, 3, 1, 4, 2, 5]), [batch, channels, rows * window, columns * window]);
  return turn(fold(turn(fold(windows, columns, geometry)), rows, geometry));
}

/** Swaps the last two of four axes. */
function turn(x: Value): Value {
  return transpose(x, [0, 1, 3, 2]);
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
