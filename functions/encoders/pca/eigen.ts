/**
 * @file Eigenvectors of a symmetric matrix in f64: Householder's reduction to three diagonals, then QR steps with
 * implicit shifts (Golub and Van Loan, Matrix Computations, 8.3). Only + - * / and square roots in a fixed order, which
 * IEEE 754 defines to the bit: equal matrices give equal bytes on every machine.
 */

export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Unit vectors one after the other, [count, size], in the order of the values. The largest number is positive. */
  readonly vectors: Float64Array;
}

/** Rounds of QR that one value may take; two are usual. */
const MOST_ROUNDS = 60;

/** @param matrix [size, size], symmetric; it is overwritten. @param count Of the largest values. */
export function eigenvectors(matrix: Float64Array, size: number, count: number): Eigen {
  const { diagonal, beside, basis } = reduce(matrix, size);
  iterate(diagonal, beside, basis, size);
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  const values = new Float64Array(count);
  const vectors = new Float64Array(count * size);
  for (const [rank, index] of order.slice(0, count).entries()) {
    const vector = basis.subarray(index * size, (index + 1) * size);
    let peak = 0;
    for (const x of vector) if (Math.abs(x) > Math.abs(peak)) peak = x;
    const sign = peak < 0 ? -1 : 1;
    values[rank] = diagonal[index]!;
    for (let i = 0; i < size; i++) vectors[rank * size + i] = sign * vector[i]!;
  }
  return { values, vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `beside[i]` couples i and i + 1. */
  readonly beside: Float64Array;
  /** Row i is the vector that the i-th unit vector stands for: matrix = basis^T tridiagonal basis. */
  readonly basis: Float64Array;
}

/** Reflects one column after the other onto its first two numbers. The reflections gather in the basis. */
function reduce(a: Float64Array, n: number): Tridiagonal {
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  const mirrors: { readonly from: number; readonly v: Float64Array }[] = [];
  const beside = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    let square = 0;
    for (let i = k + 1; i < n; i++) square += a[k * n + i]! ** 2;
    const first = a[k * n + k + 1]!;
    const length = Math.sqrt(square);
    const target = first > 0 ? -length : length;
    beside[k] = target;
    // 2 / |v|^2 of v = x - target e.
    const half = square - first * target;
    if (half <= 0) {
      beside[k] = first;
      continue;
    }
    const from = k + 1;
    for (let i = from; i < n; i++) v[i] = a[k * n + i]!;
    v[from]! -= target;
    multiplySymmetric(a, n, from, v, p, 1 / half);
    let dot = 0;
    for (let i = from; i < n; i++) dot += p[i]! * v[i]!;
    const share = dot / (2 * half);
    for (let i = from; i < n; i++) p[i]! -= share * v[i]!;
    for (let i = from; i < n; i++) {
      const [vi, pi, row] = [v[i]!, p[i]!, i * n];
      for (let j = from; j < n; j++) a[row + j]! -= vi * p[j]! + pi * v[j]!;
    }
    const scale = 1 / Math.sqrt(half);
    mirrors.push({ from, v: v.slice(from).map(x => x * scale) });
  }
  if (n > 1) beside[n - 2] = a[(n - 2) * n + n - 1]!;
  // From the last to the first, the rows before `from` are still those of the identity.
  for (const { from, v: mirror } of mirrors.reverse()) reflectRows(basis, n, from, mirror);
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside, basis: turned(basis, n) };
}

/** p = scale * a v, for the lower right part of a from `from` on. */
function multiplySymmetric(
  a: Float64Array,
  n: number,
  from: number,
  v: Float64Array,
  p: Float64Array,
  scale: number,
): void {
  for (let i = from; i < n; i++) {
    const row = i * n;
    let sum = 0;
    for (let j = from; j < n; j++) sum += a[row + j]! * v[j]!;
    p[i] = sum * scale;
  }
}

/** basis = (1 - v v^T) basis, where v has the length of the root of 2 and acts on the rows from `from` on. */
function reflectRows(basis: Float64Array, n: number, from: number, v: Float64Array): void {
  const sums = new Float64Array(n);
  for (let i = from; i < n; i++) {
    const [factor, row] = [v[i - from]!, i * n];
    for (let j = from; j < n; j++) sums[j]! += factor * basis[row + j]!;
  }
  for (let i = from; i < n; i++) {
    const [factor, row] = [v[i - from]!, i * n];
    for (let j = from; j < n; j++) basis[row + j]! -= factor * sums[j]!;
  }
}

function turned(matrix: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[j * n + i] = matrix[i * n + j]!;
  return result;
}

/** Makes `beside` zero. Each rotation of two neighbours turns two rows of the basis. */
function iterate(d: Float64Array, e: Float64Array, basis: Float64Array, n: number): void {
  for (let low = 0; low < n; low++) {
    for (let round = 0; ; round++) {
      let high = low;
      while (high < n - 1) {
        const near = Math.abs(d[high]!) + Math.abs(d[high + 1]!);
        if (Math.abs(e[high]!) + near === near) break;
        high++;
      }
      if (high === low) break;
      if (round === MOST_ROUNDS) throw new RangeError('the eigenvalues do not converge: the matrix has no numbers');
      rotateDown(d, e, basis, n, low, high);
    }
  }
}

/** One QR step on the rows from `low` to `high`, from below, with Wilkinson's shift. */
function rotateDown(d: Float64Array, e: Float64Array, basis: Float64Array, n: number, low: number, high: number): void {
  const half = (d[low + 1]! - d[low]!) / (2 * e[low]!);
  const root = Math.sqrt(half * half + 1);
  let g = d[high]! - d[low]! + e[low]! / (half + (half < 0 ? -root : root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const length = Math.sqrt(f * f + g * g);
    e[i + 1] = length;
    if (length === 0) {
      // The block falls apart here.
      d[i + 1]! -= shift;
      e[high] = 0;
      return;
    }
    sine = f / length;
    cosine = g / length;
    const apart = d[i + 1]! - shift;
    const turn = (d[i]! - apart) * sine + 2 * cosine * b;
    shift = sine * turn;
    d[i + 1] = apart + shift;
    g = cosine * turn - b;
    const [upper, lower] = [i * n, (i + 1) * n];
    for (let k = 0; k < n; k++) {
      const [x, y] = [basis[upper + k]!, basis[lower + k]!];
      basis[lower + k] = sine * x + cosine * y;
      basis[upper + k] = cosine * x - sine * y;
    }
  }
  d[low]! -= shift;
  e[low] = g;
  e[high] = 0;
}
