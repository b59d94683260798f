/** @file Householder's reduction of a symmetric matrix to three diagonals (Golub and Van Loan, 8.3). */

export interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `beside[i]` couples i and i + 1; the last number is 0. */
  readonly beside: Float64Array;
  /**
   * Of lengths up to size - 1. A mirror v of length L reflects the first L numbers of a vector: x - v (v . x). Applied
   * in this order, they turn a vector of the reduced matrix into one of the given matrix.
   */
  readonly mirrors: readonly Float64Array[];
}

/** Share of the largest number below which the rest of a row counts as 0: far less than rounding changes. */
const NEGLIGIBLE = 1e-20;

/**
 * Reflects one row after the other, from the last, onto its two numbers about the diagonal.
 * @param a [size, size]: the lower half is read and overwritten.
 * @throws RangeError if a number is not finite.
 */
export function reduce(a: Float64Array, size: number): Tridiagonal {
  const diagonal = new Float64Array(size);
  const beside = new Float64Array(size);
  const mirrors: Float64Array[] = [];
  // Of the step before: v and w, by which a - v w^T - w v^T is due in the part that is left.
  let v = new Float64Array(size);
  const w = new Float64Array(size);
  let mirror = new Float64Array(size);
  const bound = NEGLIGIBLE * largest(a, size);
  const negligible = bound * bound;
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    for (let j = 0; j <= i; j++) a[row + j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
    diagonal[i] = a[row + i]!;
    if (i === 0) break;
    const first = a[row + i - 1]!;
    let rest = 0;
    for (let j = 0; j < i - 1; j++) rest += a[row + j]! * a[row + j]!;
    let half = 0;
    mirror.fill(0);
    if (rest <= negligible) {
      beside[i - 1] = first;
    } else {
      const length = Math.sqrt(rest + first * first);
      const target = first > 0 ? -length : length;
      beside[i - 1] = target;
      mirror.set(a.subarray(row, row + i));
      mirror[i - 1] = first - target;
      // |mirror|^2 / 2
      half = length * length - first * target;
    }
    updateAndMultiply(a, size, i, v, w, mirror);
    [v, mirror] = [mirror, v];
    if (half === 0) continue;
    let dot = 0;
    for (let j = 0; j < i; j++) dot += w[j]! * v[j]!;
    const share = dot / (2 * half);
    for (let j = 0; j < i; j++) w[j] = (w[j]! - share * v[j]!) / half;
    const scale = 1 / Math.sqrt(half);
    mirrors.push(v.slice(0, i).map(x => x * scale));
  }
  return { diagonal, beside, mirrors: mirrors.reverse() };
}

function largest(a: Float64Array, size: number): number {
  let most = 0;
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) most = Math.max(most, Math.abs(a[i * size + j]!));
  if (!Number.isFinite(most)) throw new RangeError('a matrix with numbers that are not finite has no eigenvalues');
  return most;
}

/**
 * a -= v w^T + w v^T, then w = a x, in one pass over the first rows: both are bound by memory.
 * @param w is read before it is overwritten.
 */
function updateAndMultiply(
  a: Float64Array,
  size: number,
  rows: number,
  v: Float64Array,
  w: Float64Array,
  x: Float64Array,
): void {
  const product = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = i * size;
    const vi = v[i]!;
    const wi = w[i]!;
    const xi = x[i]!;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const value = a[row + j]! - (vi * w[j]! + wi * v[j]!);
      a[row + j] = value;
      sum += value * x[j]!;
      product[j]! += value * xi;
    }
    const value = a[row + i]! - 2 * vi * wi;
    a[row + i] = value;
    product[i] = sum + value * xi;
  }
  w.set(product);
}
