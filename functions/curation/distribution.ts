/** @file How the numbers of a measure are spread over the pictures. */

export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly p5: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
  /** Number of pictures in each of equal parts between `p1` and `p99`; the first and the last hold what lies beyond. */
  readonly bins: readonly number[];
  readonly from: number;
  readonly to: number;
}

const BINS = 24;

/** Undefined without numbers. */
export function describeSpread(values: readonly number[]): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [from, to] = [at(0.01), at(0.99)];
  const bins = Array.from({ length: BINS }, () => 0);
  for (const value of sorted) {
    const share = to > from ? (value - from) / (to - from) : 0;
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return { count: sorted.length, min: at(0), p5: at(0.05), median: at(0.5), p95: at(0.95), max: at(1), bins, from, to };
}
