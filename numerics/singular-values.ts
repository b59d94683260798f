/**
 * @file Singular values of a matrix in f64: Householder's reduction to two diagonals (Golub and Van Loan, Matrix
 * Computations, 5.4), whose singular values are the eigenvalues of a matrix of three diagonals (8.6). The matrix is not
 * squared, so small values keep their digits. Only + - * / and square roots, in a fixed order.
 */
import { eigenvaluesOfDiagonals } from './eigen.ts';

/**
 * @param matrix [rows, columns], overwritten
 * @returns min(rows, columns) numbers, largest first
 * @throws RangeError if a number is not finite
 */
export function singularValues(matrix: Float64Array, rows: number, columns: number): Float64Array {
  if (!matrix.every(Number.isFinite)) throw new RangeError('a matrix that is not finite has no singular values');
  const tall = rows >= columns ? matrix : transpose(matrix, rows, columns);
  const [height, width] = rows >= columns ? [rows, columns] : [columns, rows];
  const diagonals = bidiagonalize(tall, height, width);
  // The eigenvalues of [0 B; B' 0], sorted so that neighbours couple: d0, e0, d1, e1, ... beside a diagonal of 0.
  const beside = new Float64Array(2 * width);
  beside.set(diagonals.subarray(0, Math.max(0, 2 * width - 1)));
  const values = eigenvaluesOfDiagonals(new Float64Array(2 * width), beside);
  return values
    .sort()
    .reverse()
    .subarray(0, width)
    .map(value => Math.max(0, value));
}

/** @returns diagonal 0, beside 0, diagonal 1, ... of [height, width] with height >= width. */
function bidiagonalize(a: Float64Array, height: number, width: number): Float64Array {
  const found = new Float64Array(2 * width);
  const [column, row] = [new Float64Array(height), new Float64Array(width)];
  const products = new Float64Array(Math.max(height, width));
  for (let k = 0; k < width; k++) {
    for (let i = k; i < height; i++) column[i] = a[i * width + k]!;
    const left = mirrorOf(column, k, height);
    found[2 * k] = left.target;
    products.fill(0);
    if (left.scale > 0) {
      for (let i = k; i < height; i++) {
        const v = column[i]!;
        for (let j = k + 1; j < width; j++) products[j]! += v * a[i * width + j]!;
      }
    }
    // The mirror of columns is applied while the mirror of rows is being found: its row first.
    for (let j = k + 1; j < width; j++) {
      products[j]! *= left.scale;
      row[j] = a[k * width + j]! - column[k]! * products[j]!;
    }
    const right = k + 1 < width ? mirrorOf(row, k + 1, width) : { target: 0, scale: 0 };
    found[2 * k + 1] = right.target;
    for (let i = k + 1; i < height; i++) {
      const v = left.scale > 0 ? column[i]! : 0;
      const start = i * width;
      let dot = 0;
      for (let j = k + 1; j < width; j++) {
        const value = a[start + j]! - v * products[j]!;
        a[start + j] = value;
        dot += value * row[j]!;
      }
      if (right.scale === 0) continue;
      const share = dot * right.scale;
      for (let j = k + 1; j < width; j++) a[start + j]! -= share * row[j]!;
    }
  }
  return found;
}

/**
 * Makes a vector from `from` on the mirror v by which x - scale v (v.x) has `target` in its first place and 0 behind.
 * The scale is 0 where nothing is to be done.
 */
function mirrorOf(vector: Float64Array, from: number, to: number): { target: number; scale: number } {
  const first = vector[from]!;
  let largest = 0;
  for (let i = from + 1; i < to; i++) largest = Math.max(largest, Math.abs(vector[i]!));
  if (largest === 0) return { target: first, scale: 0 };
  largest = Math.max(largest, Math.abs(first));
  let square = 0;
  for (let i = from; i < to; i++) square += (vector[i]! / largest) ** 2;
  const length = largest * Math.sqrt(square);
  const target = first > 0 ? -length : length;
  // v is divided by its first number, so that it neither overflows nor vanishes.
  const head = first - target;
  for (let i = from + 1; i < to; i++) vector[i]! /= head;
  vector[from] = 1;
  return { target, scale: -head / target };
}

function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: matrix.length }, (_, k) => matrix[(k % rows) * columns + Math.floor(k / rows)]!);
}
