/**
 * @file An average of any length from stored power traces (EDM2, arXiv 2312.02696, section 3.2 and appendix C): the
 * combination of the stored traces whose profile over the run is nearest to the wanted one.
 */
import { Unprocessable } from '../errors.ts';

/** A power trace at one point of a run: it weighs the weights of step t by t^gamma, up to `step`. */
export interface Trace {
  readonly step: number;
  readonly gamma: number;
}

/** Relative length of the average over all steps alike: gamma 0. */
export const LONGEST_SIGMA = 1 / Math.sqrt(12);

/** Relative standard deviation of a profile: its width as a share of the run (eq. 124). */
export function sigmaOfGamma(gamma: number): number {
  return Math.sqrt((gamma + 1) / (gamma + 3)) / (gamma + 2);
}

/** The gamma whose profile has the relative width. @param sigma Above 0, at most {@link LONGEST_SIGMA}. */
export function gammaOfSigma(sigma: number): number {
  let [low, high] = [0, 1];
  while (sigmaOfGamma(high) > sigma) high *= 2;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (sigmaOfGamma(middle) > sigma) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Integral of the product of two profiles, each of mass 1. */
function overlap(a: Trace, b: Trace): number {
  const [early, late] = a.step <= b.step ? [a, b] : [b, a];
  const share = (early.step / late.step) ** late.gamma;
  return ((a.gamma + 1) * (b.gamma + 1) * share) / ((a.gamma + b.gamma + 1) * late.step);
}

export interface Combination {
  /** Of each trace, in order; their sum is 1, so that constant weights stay as they are. */
  readonly factors: readonly number[];
  /** Root of the squared distance of the profiles, relative to the wanted one: 0 is exact. */
  readonly error: number;
}

/**
 * Factors by which traces give the average that ends at `step` with the relative length `sigma`.
 * @throws Unprocessable if the traces are of a later step only, or cannot be told apart.
 */
export function combineTraces(traces: readonly Trace[], step: number, sigma: number): Combination {
  if (!(sigma > 0 && sigma <= LONGEST_SIGMA)) {
    throw new Unprocessable(`an average cannot have the relative length ${sigma}`, {
      expected: `a number above 0, at most ${LONGEST_SIGMA.toFixed(3)}, which weighs all steps alike`,
    });
  }
  const usable = traces.map(trace => trace.step > 0 && trace.step <= step);
  if (!usable.includes(true)) {
    throw new Unprocessable(`no power trace is stored up to step ${step}`, {
      expected: 'a training with optimizer.ema_gammas',
    });
  }
  const wanted = { step, gamma: gammaOfSigma(sigma) };
  const chosen = traces.filter((_, i) => usable[i]);
  const n = chosen.length;
  // The least squares under the condition that the factors add up to 1: one multiplier more.
  const matrix = Array.from({ length: n + 1 }, (_, i) => {
    const a = chosen[i];
    const row = chosen.map(b => (a ? step * overlap(a, b) + (a === b ? RIDGE : 0) : 1));
    return [...row, a ? 1 : 0, a ? step * overlap(a, wanted) : 1];
  });
  const solved = solve(matrix).slice(0, n);
  const at = (i: number) => solved[i] ?? 0;
  const cross = chosen.reduce((sum, a, i) => sum + at(i) * overlap(a, wanted), 0);
  const own = chosen.reduce((sum, a, i) => chosen.reduce((all, b, j) => all + at(i) * at(j) * overlap(a, b), sum), 0);
  const whole = overlap(wanted, wanted);
  const rest = solved.values();
  return {
    factors: usable.map(isUsed => (isUsed ? (rest.next().value ?? 0) : 0)),
    error: Math.sqrt(Math.max(0, own - 2 * cross + whole) / whole),
  };
}

/** Keeps factors of traces that are nearly alike from growing without bound. */
const RIDGE = 1e-9;

/** Gauss-Jordan elimination with pivots. @param rows Of the matrix and the right side. */
function solve(rows: number[][]): number[] {
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    const below = rows.slice(column).map(row => Math.abs(row[column] ?? 0));
    const pivot = column + below.indexOf(Math.max(...below));
    const [upper, lower] = [rows[column] ?? [], rows[pivot] ?? []];
    rows[column] = lower;
    rows[pivot] = upper;
    const scale = lower[column] ?? 1;
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = (row[column] ?? 0) / scale;
      for (let j = column; j <= n; j++) row[j] = (row[j] ?? 0) - factor * (lower[j] ?? 0);
    }
  }
  return rows.map((row, i) => (row[n] ?? 0) / (row[i] ?? 1));
}
