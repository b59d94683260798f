/** @file The Frechet distance of two sets of features (arXiv 1706.08500), as of two normal distributions. */
import { visitProducts } from '../numerics/inner-products.ts';
import { covarianceOf } from '../numerics/products.ts';
import { singularValues } from '../numerics/singular-values.ts';
import { type Features, requireComparable, rowsOf } from './features.ts';

/**
 * |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^1/2, with means m and covariances C (divided by n - 1). With C = F F', the
 * last trace is the sum of the singular values of F1' F2, which neither needs roots of matrices nor full rank. It is 0
 * for equal sets, but for rounding. Small sets have large distances even when their distribution is one: compare
 * numbers of equal n only.
 * @throws RangeError unless both sets have at least two rows of equal length, of finite numbers.
 */
export function frechetDistance(a: Features, b: Features): number {
  requireComparable(a, b, 2);
  const [first, second] = [factorOf(a), factorOf(b)];
  let distance = first.trace + second.trace;
  for (let k = 0; k < a.dim; k++) distance += (first.mean[k]! - second.mean[k]!) ** 2;
  const [rows, columns] = [first.columns.length / a.dim, second.columns.length / a.dim];
  const crossed = new Float64Array(rows * columns);
  visitProducts({ dim: a.dim, data: first.columns }, { dim: a.dim, data: second.columns }, block => {
    for (let i = 0; i < block.rows; i++) {
      const from = i * block.stride;
      crossed.set(block.products.subarray(from, from + block.columns), (block.a + i) * columns + block.b);
    }
  });
  const shared = singularValues(crossed, rows, columns).reduce((sum, value) => sum + value, 0);
  return Math.max(0, distance - 2 * shared);
}

interface Factor {
  readonly mean: Float64Array;
  /** Of the covariance. */
  readonly trace: number;
  /** Columns of F, one after the other, with F F' the covariance: at most `dim`, each [dim]. */
  readonly columns: Float64Array;
}

function factorOf(set: Features): Factor {
  const { dim, data } = set;
  const rows = rowsOf(set);
  const mean = new Float64Array(dim);
  for (let i = 0; i < data.length; i++) mean[i % dim]! += data[i]!;
  for (let k = 0; k < dim; k++) mean[k]! /= rows;
  const isWide = rows <= dim;
  const columns = isWide ? centred(set, mean) : cholesky(covarianceOf(data, mean), dim, rows / (rows - 1));
  return { mean, columns, trace: columns.reduce((sum, value) => sum + value * value, 0) };
}

/** The rows about their mean are such columns themselves. */
function centred({ dim, data }: Features, mean: Float64Array): Float64Array {
  const scale = 1 / Math.sqrt(data.length / dim - 1);
  return Float64Array.from(data, (value, i) => (value - mean[i % dim]!) * scale);
}

/** Share of the largest variance below which what is left of a pivot is rounding. */
const NEGLIGIBLE = 1e-14;

/**
 * Columns of the lower factor of `scale` times a matrix that has no negative eigenvalue. A pivot of 0 has a column of
 * 0: nothing is left of such a matrix in the row of the pivot.
 * @param matrix The lower half is read.
 */
function cholesky(matrix: Float64Array, dim: number, scale: number): Float64Array {
  let most = 0;
  for (let k = 0; k < dim; k++) most = Math.max(most, matrix[k * dim + k]!);
  const least = NEGLIGIBLE * most * scale;
  // Rows of the factor, so that both inner loops run over neighbours in memory.
  const lower = new Float64Array(dim * dim);
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = matrix[i * dim + j]! * scale;
      for (let k = 0; k < j; k++) rest -= lower[i * dim + k]! * lower[j * dim + k]!;
      const pivot = lower[j * dim + j]!;
      if (j < i) lower[i * dim + j] = pivot > 0 ? rest / pivot : 0;
      else lower[i * dim + i] = rest > least ? Math.sqrt(rest) : 0;
    }
  }
  return Float64Array.from({ length: dim * dim }, (_, at) => lower[(at % dim) * dim + Math.floor(at / dim)]!);
}
