/**
 * @file C_T, the test of data-copying (Meehan, Chaudhuri, Dasgupta, arXiv 2004.05675): whether drawn rows lie nearer to
 * training rows than held-out rows do. In each cell the distances to the nearest training row are compared by the
 * U statistic of Mann and Whitney as a z-score; the cells are weighted by their share of the held-out rows.
 */
import { type Features, takeRows } from './features.ts';
import { nearestRows } from './nearest.ts';

export interface CelledRows {
  readonly features: Features;
  /** The cell of each row. */
  readonly cells: Uint32Array;
}

export interface DataCopying {
  /** C_T: about 0 if drawn rows are as far from training rows as held-out ones, below if they are nearer. */
  readonly score: number;
  /** Standard deviation of the score when both are of one distribution. */
  readonly sd: number;
  /** Cells that count. */
  readonly cells: number;
}

/**
 * @param least Cells with so many drawn rows, or fewer, do not count; nor do those without a held-out or training row.
 * @returns Undefined if no cell counts.
 */
export function dataCopying(
  {
    drawn,
    heldOut,
    training,
  }: { readonly drawn: CelledRows; readonly heldOut: CelledRows; readonly training: CelledRows },
  least: number,
): DataCopying | undefined {
  const found: { readonly z: number; readonly weight: number }[] = [];
  for (const cell of new Set(heldOut.cells)) {
    const [own, others, trained] = [rowsIn(drawn, cell), rowsIn(heldOut, cell), rowsIn(training, cell)];
    if (own.length <= least || trained.length === 0) continue;
    const near = takeRows(training.features, trained);
    const distances = (set: CelledRows, rows: readonly number[]) =>
      nearestRows(takeRows(set.features, rows), near, 1).map(([nearest]) => nearest?.distance ?? 0);
    found.push({ z: zScore(distances(drawn, own), distances(heldOut, others)), weight: others.length });
  }
  const total = found.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return undefined;
  return {
    score: found.reduce((sum, { z, weight }) => sum + z * weight, 0) / total,
    sd: Math.sqrt(found.reduce((sum, { weight }) => sum + weight ** 2, 0)) / total,
    cells: found.length,
  };
}

function rowsIn({ cells }: CelledRows, cell: number): number[] {
  return [...cells.keys()].filter(row => cells[row] === cell);
}

/** How many pairs have the first number larger, as a z-score; equal ones count half. Below 0: the first are smaller. */
function zScore(first: readonly number[], second: readonly number[]): number {
  const [m, n] = [first.length, second.length];
  const sorted = Float64Array.from(second).sort();
  const below = (x: number) => countBefore(sorted, value => value < x);
  const upTo = (x: number) => countBefore(sorted, value => value <= x);
  const larger = first.reduce((sum, x) => sum + (below(x) + upTo(x)) / 2, 0);
  // With the correction for continuity of the authors' code.
  return (larger - (m * n) / 2 + 0.5) / Math.sqrt((m * n * (m + n + 1)) / 12);
}

/** How many of rising numbers come before the first that `isBefore` refuses. */
function countBefore(sorted: Float64Array, isBefore: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
