/** @file How sure a difference of a few repeats is: Student's t (Gosset, The probable error of a mean, 1908). */
import type { Interval } from '../../metrics/bootstrap.ts';

/** Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** 95 % of Student's t. Between whole degrees it is nearly linear in their inverse; beyond the table, a series. */
function t95(degrees: number): number {
  const last = T_95.length;
  // Abramowitz and Stegun, 26.7.5.
  if (degrees > last) return 1.959964 + 2.3723 / degrees + 2.8225 / degrees ** 2;
  const below = Math.max(1, Math.floor(degrees));
  const [t, next] = [T_95[below - 1] ?? Number.POSITIVE_INFINITY, T_95[below]];
  if (next === undefined || degrees <= below) return t;
  return t + (next - t) * ((1 / below - 1 / degrees) / (1 / below - 1 / (below + 1)));
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample (n - 1); undefined below two values. */
export function deviationOf(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** Of the mean of b - a, pair by pair. Undefined below two pairs. */
export function pairedInterval(a: readonly number[], b: readonly number[]): Interval | undefined {
  const differences = b.map((value, i) => value - (a[i] ?? Number.NaN));
  const sd = deviationOf(differences);
  if (sd === undefined) return undefined;
  const mean = meanOf(differences);
  const half = (t95(differences.length - 1) * sd) / Math.sqrt(differences.length);
  return { mean, low: mean - half, high: mean + half };
}

/** Of mean(b) - mean(a), by Welch's degrees of freedom (1947). Undefined if one has less than two values. */
export function welchInterval(a: readonly number[], b: readonly number[]): Interval | undefined {
  const [sdA, sdB] = [deviationOf(a), deviationOf(b)];
  if (sdA === undefined || sdB === undefined) return undefined;
  const mean = meanOf(b) - meanOf(a);
  const [va, vb] = [sdA ** 2 / a.length, sdB ** 2 / b.length];
  if (va + vb === 0) return { mean, low: mean, high: mean };
  const degrees = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  const half = t95(degrees) * Math.sqrt(va + vb);
  return { mean, low: mean - half, high: mean + half };
}
