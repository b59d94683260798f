/** @file The discrete cosine transform (type II, orthonormal). Its own cosines give the same bits on every machine. */

/** rows x size: row u holds c(u) cos(pi (2x + 1) u / (2 size)), where c(u) makes the rows orthonormal. */
export interface DctBasis {
  readonly rows: number;
  readonly size: number;
  readonly data: Float64Array;
}

const bases = new Map<string, DctBasis>();

/** The first `rows` basis functions over `size` points. */
export function dctBasis(rows: number, size: number): DctBasis {
  const key = `${rows}/${size}`;
  const known = bases.get(key);
  if (known !== undefined) return known;
  const data = new Float64Array(rows * size);
  for (let u = 0; u < rows; u++) {
    const scale = Math.sqrt((u === 0 ? 1 : 2) / size);
    for (let x = 0; x < size; x++) data[u * size + x] = scale * cosineOfTurn((2 * x + 1) * u, 4 * size);
  }
  const basis = { rows, size, data };
  bases.set(key, basis);
  return basis;
}

/**
 * The lowest coefficients of every cell of size x size values of a plane. Cells are in raster order:
 * [height / size, width / size, rows, rows]. Width and height are multiples of the size of the basis.
 */
export function transformCells(plane: Float64Array, width: number, height: number, basis: DctBasis): Float64Array {
  const { rows, size, data } = basis;
  const columns = width / size;
  const partial = new Float64Array(height * columns * rows);
  for (let y = 0; y < height; y++) {
    for (let cell = 0; cell < columns; cell++) {
      const from = y * width + cell * size;
      const to = (y * columns + cell) * rows;
      for (let u = 0; u < rows; u++) {
        let sum = 0;
        for (let x = 0; x < size; x++) sum += (data[u * size + x] ?? 0) * (plane[from + x] ?? 0);
        partial[to + u] = sum;
      }
    }
  }
  const coefficients = new Float64Array((height / size) * columns * rows * rows);
  const pitch = columns * rows;
  for (let cell = 0; cell < (height / size) * columns; cell++) {
    const from = Math.floor(cell / columns) * size * pitch + (cell % columns) * rows;
    for (let v = 0; v < rows; v++) {
      for (let u = 0; u < rows; u++) {
        let sum = 0;
        for (let y = 0; y < size; y++) sum += (data[v * size + y] ?? 0) * (partial[from + y * pitch + u] ?? 0);
        coefficients[(cell * rows + v) * rows + u] = sum;
      }
    }
  }
  return coefficients;
}

/**
 * cos(2 pi k / n) by a Taylor series on an eighth of a turn. Uses only + - x /, so every platform gives the same bits.
 */
export function cosineOfTurn(k: number, n: number): number {
  let turn = k % n;
  if (2 * turn > n) turn = n - turn;
  // `turn / n` is now in [0, 1/2]. Beyond a quarter of a turn the sign flips.
  if (4 * turn > n) return -cosineOfTurn(n - 2 * turn, 2 * n);
  if (8 * turn > n) return sineOf((2 * Math.PI * (n - 4 * turn)) / (4 * n));
  return cosineOf((2 * Math.PI * turn) / n);
}

/** Cosine for 0 <= x <= pi / 4. The first term left out is below 1e-17. */
function cosineOf(x: number): number {
  const square = x * x;
  let sum = 1;
  for (let k = 16; k >= 2; k -= 2) sum = 1 - (square / (k * (k - 1))) * sum;
  return sum;
}

function sineOf(x: number): number {
  const square = x * x;
  let sum = 1;
  for (let k = 17; k >= 3; k -= 2) sum = 1 - (square / (k * (k - 1))) * sum;
  return x * sum;
}
