/**
 * @file Eigenvectors of a symmetric matrix in f64: Householder's reduction to three diagonals, then QL steps with
 * implicit shifts (Golub and Van Loan, Matrix Computations, 8.3). Only + - * / and square roots in a fixed order, which
 * IEEE 754 defines to the bit: equal matrices give equal bytes on every machine.
 *
 * The rotations of the steps are written down, and applied backwards to the unit vectors of the values that are asked
 * for. To gather them in a full basis, as tql2 of EISPACK does, takes `size / count` times as long.
 */
import { reduce } from './tridiagonal.ts';

export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Unit vectors one after the other, [count, size], in the order of the values. The largest number is positive. */
  readonly vectors: Float64Array;
}

/** Rounds of QL that one value may take; two are usual. */
const MOST_ROUNDS = 60;

/** Vectors that are turned together: their numbers stand side by side, and 4 x 1,024 of them fit the nearest cache. */
const LANES = 4;

/** A number below it counts as 0. Numbers below 1e-308 make processors slow, and products of small sines reach them. */
const TINY = 1e-200;

/**
 * @param matrix [size, size], symmetric: the lower half is read and overwritten.
 * @param count Of the largest values.
 * @throws RangeError if a number is not finite.
 */
export function eigenvectors(matrix: Float64Array, size: number, count: number): Eigen {
  const { diagonal, beside, mirrors } = reduce(matrix, size);
  const sweeps = iterate(diagonal, beside, size);
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  const chosen = order.slice(0, count);
  const vectors = new Float64Array(count * size);
  for (let from = 0; from < count; from += LANES) {
    const lanes = new Float64Array(size * LANES);
    const some = chosen.slice(from, from + LANES);
    for (const [lane, index] of some.entries()) lanes[index * LANES + lane] = 1;
    for (const sweep of sweeps) rotate(lanes, sweep);
    for (const mirror of mirrors) reflect(lanes, mirror);
    for (const lane of some.keys()) writeVector(lanes, lane, vectors.subarray((from + lane) * size).subarray(0, size));
  }
  return { values: Float64Array.from(chosen, index => diagonal[index]!), vectors };
}

/**
 * All eigenvalues of a symmetric matrix of three diagonals, in no order. Both arrays are overwritten.
 * @param beside `beside[i]` couples i and i + 1; the last number is 0.
 * @throws RangeError if a value does not converge
 */
export function eigenvaluesOfDiagonals(diagonal: Float64Array, beside: Float64Array): Float64Array {
  iterate(diagonal, beside, diagonal.length);
  return diagonal;
}

/** Rotations of the neighbours (low, low + 1), (low + 1, low + 2) and so on. */
interface Sweep {
  readonly low: number;
  /** Cosine and sine of each. */
  readonly turns: Float64Array;
}

/** Makes `e` zero and `d` the eigenvalues. @returns the sweeps, the last one first. */
function iterate(d: Float64Array, e: Float64Array, size: number): readonly Sweep[] {
  const sweeps: Sweep[] = [];
  let norm = 0;
  for (let i = 0; i < size; i++) norm = Math.max(norm, Math.abs(d[i]!) + Math.abs(e[i]!));
  const negligible = norm * Number.EPSILON;
  for (let low = 0; low < size; low++) {
    for (let round = 0; ; round++) {
      let high = low;
      while (high < size - 1 && Math.abs(e[high]!) > negligible) high++;
      if (high === low) break;
      if (round === MOST_ROUNDS) throw new RangeError(`an eigenvalue did not converge in ${MOST_ROUNDS} rounds`);
      sweeps.push(sweepUp(d, e, low, high));
    }
  }
  return sweeps.reverse();
}

/** One QL step on the numbers from `high` to `low`, with Wilkinson's shift (imtql2 of EISPACK). */
function sweepUp(d: Float64Array, e: Float64Array, low: number, high: number): Sweep {
  const turns = new Float64Array(2 * (high - low));
  const half = (d[low + 1]! - d[low]!) / (2 * e[low]!);
  const root = Math.sqrt(half * half + 1);
  let g = d[high]! - d[low]! + e[low]! / (half + (half < 0 ? -root : root));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const length = Math.sqrt(f * f + g * g);
    e[i + 1] = length;
    if (length === 0) {
      // The numbers fall apart here into two blocks.
      d[i + 1]! -= shift;
      e[high] = 0;
      return { low: i + 1, turns: turns.subarray(2 * (i + 1 - low)) };
    }
    sine = f / length;
    cosine = g / length;
    turns[2 * (i - low)] = cosine;
    turns[2 * (i - low) + 1] = sine;
    const apart = d[i + 1]! - shift;
    const turn = (d[i]! - apart) * sine + 2 * cosine * b;
    shift = sine * turn;
    d[i + 1] = apart + shift;
    g = cosine * turn - b;
  }
  d[low]! -= shift;
  e[low] = g;
  e[high] = 0;
  return { low, turns };
}

/** Takes a sweep back. The numbers on their way down stay in registers. */
function rotate(lanes: Float64Array, { low, turns }: Sweep): void {
  let at = low * LANES;
  let a = lanes[at]!;
  let b = lanes[at + 1]!;
  let c = lanes[at + 2]!;
  let d = lanes[at + 3]!;
  for (let i = 0; i < turns.length; i += 2) {
    const cosine = turns[i]!;
    const sine = turns[i + 1]!;
    const nextA = lanes[at + 4]!;
    const nextB = lanes[at + 5]!;
    const nextC = lanes[at + 6]!;
    const nextD = lanes[at + 7]!;
    lanes[at] = cosine * a + sine * nextA;
    lanes[at + 1] = cosine * b + sine * nextB;
    lanes[at + 2] = cosine * c + sine * nextC;
    lanes[at + 3] = cosine * d + sine * nextD;
    a = cosine * nextA - sine * a;
    b = cosine * nextB - sine * b;
    c = cosine * nextC - sine * c;
    d = cosine * nextD - sine * d;
    if (a < TINY && a > -TINY) a = 0;
    if (b < TINY && b > -TINY) b = 0;
    if (c < TINY && c > -TINY) c = 0;
    if (d < TINY && d > -TINY) d = 0;
    at += 4;
  }
  lanes[at] = a;
  lanes[at + 1] = b;
  lanes[at + 2] = c;
  lanes[at + 3] = d;
}

/** x - v (v . x) in each lane. */
function reflect(lanes: Float64Array, mirror: Float64Array): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < mirror.length; i++) {
    const v = mirror[i]!;
    a += v * lanes[4 * i]!;
    b += v * lanes[4 * i + 1]!;
    c += v * lanes[4 * i + 2]!;
    d += v * lanes[4 * i + 3]!;
  }
  for (let i = 0; i < mirror.length; i++) {
    const v = mirror[i]!;
    lanes[4 * i]! -= v * a;
    lanes[4 * i + 1]! -= v * b;
    lanes[4 * i + 2]! -= v * c;
    lanes[4 * i + 3]! -= v * d;
  }
}

function writeVector(lanes: Float64Array, lane: number, to: Float64Array): void {
  let peak = 0;
  for (let i = 0; i < to.length; i++) {
    const x = lanes[i * LANES + lane]!;
    if (Math.abs(x) > Math.abs(peak)) peak = x;
  }
  for (let i = 0; i < to.length; i++) to[i] = peak < 0 ? -lanes[i * LANES + lane]! : lanes[i * LANES + lane]!;
}
