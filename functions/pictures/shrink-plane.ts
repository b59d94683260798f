/**
 * @file Shrinks a plane to a grid of cells. A cell is the mean over its area; a partly covered pixel counts by its
 * share.
 */

export interface CellCover {
  /** Index of the first pixel that a cell touches. */
  readonly first: number;
  /** Share of each pixel from `first` on. The shares sum to 1. */
  readonly weights: Float64Array;
}

/** Which of `size` pixels each of `cells` cells covers. */
export function coverCells(size: number, cells: number): CellCover[] {
  return Array.from({ length: cells }, (_, cell) => {
    // Counted in parts of a pixel, so that the edges are integers.
    const start = cell * size;
    const end = start + size;
    const first = Math.floor(start / cells);
    const last = Math.ceil(end / cells);
    const weights = Float64Array.from({ length: last - first }, (_, k) => {
      const left = Math.max(start, (first + k) * cells);
      const right = Math.min(end, (first + k + 1) * cells);
      return (right - left) / size;
    });
    return { first, weights };
  });
}

/** @param plane [height, width]. @returns [down.length, across.length]. */
export function shrinkPlane(
  plane: ArrayLike<number>,
  width: number,
  across: readonly CellCover[],
  down: readonly CellCover[],
): Float64Array {
  const height = plane.length / width;
  const columns = across.length;
  const narrow = new Float64Array(height * columns);
  for (const [x, { first, weights }] of across.entries()) {
    for (let y = 0; y < height; y++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += (weights[k] ?? 0) * (plane[y * width + first + k] ?? 0);
      narrow[y * columns + x] = sum;
    }
  }
  const small = new Float64Array(down.length * columns);
  for (const [y, { first, weights }] of down.entries()) {
    for (let x = 0; x < columns; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += (weights[k] ?? 0) * (narrow[(first + k) * columns + x] ?? 0);
      small[y * columns + x] = sum;
    }
  }
  return small;
}
