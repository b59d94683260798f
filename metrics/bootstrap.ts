/** @file How sure a mean is: 95 % intervals by the bootstrap (Efron 1979), with percentiles. */
import type { Seed } from '../configs/seed.ts';
import { RandomStream } from '../numerics/random-stream.ts';

export interface BootstrapOptions {
  readonly seed?: Seed;
  readonly resamples?: number;
}

export interface Interval {
  readonly mean: number;
  /** Of the interval that has the mean in 95 % of repetitions: percentiles 2.5 and 97.5 of the means of resamples. */
  readonly low: number;
  readonly high: number;
}

export interface Summary extends Interval {
  readonly n: number;
  /** Of a sample: divided by n - 1. 0 for one value. */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  readonly median: number;
}

const RESAMPLES = 10_000;
const TAIL = 0.025;

/** The mean with its interval. One value, or equal ones, have an interval without width. @throws RangeError */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  requireValues(values);
  const { seed = 0, resamples = RESAMPLES } = options;
  const means = resampledMeans(values, new RandomStream(seed, 'bootstrap'), resamples).sort();
  return { mean: meanOf(values), low: quantile(means, TAIL), high: quantile(means, 1 - TAIL) };
}

/**
 * The mean of a - b over pairs, such as the scores of two checkpoints for the same pictures. Pairs are drawn, so what
 * makes a picture hard for both takes no part. An interval without 0 says that the two differ.
 * @throws RangeError unless there are as many of both, at least one, all finite
 */
export function pairedBootstrap(a: ArrayLike<number>, b: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} values are no pairs`);
  return bootstrapMean(
    Float64Array.from({ length: a.length }, (_, i) => a[i]! - b[i]!),
    options,
  );
}

/**
 * The mean of a minus that of b, over pictures that are no pairs. Both are drawn anew, each from its own numbers. An
 * interval without 0 says that the two differ.
 * @throws RangeError unless both have at least one value, all finite
 */
export function bootstrapDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: BootstrapOptions = {},
): Interval {
  requireValues(a);
  requireValues(b);
  const { seed = 0, resamples = RESAMPLES } = options;
  const random = new RandomStream(seed, 'bootstrap');
  const [first, second] = [resampledMeans(a, random, resamples), resampledMeans(b, random, resamples)];
  const differences = first.map((mean, i) => mean - second[i]!).sort();
  return {
    mean: meanOf(a) - meanOf(b),
    low: quantile(differences, TAIL),
    high: quantile(differences, 1 - TAIL),
  };
}

/** What a table tells about the scores of pictures. @throws RangeError unless there is a value, and all are finite */
export function summarize(values: ArrayLike<number>, options: BootstrapOptions = {}): Summary {
  const { mean, low, high } = bootstrapMean(values, options);
  const sorted = Float64Array.from(values).sort();
  const square = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    n: values.length,
    mean,
    sd: values.length > 1 ? Math.sqrt(square / (values.length - 1)) : 0,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    median: quantile(sorted, 0.5),
    low,
    high,
  };
}

function resampledMeans(values: ArrayLike<number>, random: RandomStream, resamples: number): Float64Array {
  const first = values[0]!;
  return Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.below(values.length)]! - first;
    return first + sum / values.length;
  });
}

/** The difference from the first value is added up: the mean of equal values is that value, to the bit. */
function meanOf(values: ArrayLike<number>): number {
  const first = values[0]!;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - first;
  return first + sum / values.length;
}

/** Linear between the values around it, as NumPy's percentile. @param sorted Rising, at least one. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

function requireValues(values: ArrayLike<number>): void {
  if (values.length === 0) throw new RangeError('no values have no mean');
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw new RangeError(`value ${i} is ${values[i]}, not a finite number`);
  }
}
