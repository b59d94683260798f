import { describe, expect, it } from 'vitest';
import { bootstrapDifference, bootstrapMean, pairedBootstrap, quantile, summarize } from './bootstrap.ts';
import { GOLDENS } from './testing/goldens.ts';

const { values, others, percentiles, sd, mean, difference, unpaired } = GOLDENS.scores;
const average = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** Of ends of intervals, as a share of their width: the noise of 10,000 resamples. */
const NOISE = 0.04;

describe('bootstrapMean', () => {
  it('the interval of a mean is that of SciPy, but for the noise of resamples', () => {
    const found = bootstrapMean(values, { seed: 7 });
    expect(found.mean).toBeCloseTo(average(values), 12);
    expect(Math.abs(found.low - mean.low)).toBeLessThan(NOISE * (mean.high - mean.low));
    expect(Math.abs(found.high - mean.high)).toBeLessThan(NOISE * (mean.high - mean.low));
  });

  it('equal seeds give equal intervals, as computed on other machines', () => {
    expect(bootstrapMean([1, 2, 4, 8], { seed: 3, resamples: 1000 })).toMatchInlineSnapshot(`
      {
        "high": 6.5,
        "low": 1.5,
        "mean": 3.75,
      }
    `);
    expect(bootstrapMean(values, { seed: 1 })).not.toEqual(bootstrapMean(values, { seed: 2 }));
  });

  it('one value, and equal ones, have an interval without width', () => {
    expect(bootstrapMean([0.1])).toEqual({ mean: 0.1, low: 0.1, high: 0.1 });
    expect(bootstrapMean([0.1, 0.1, 0.1])).toEqual({ mean: 0.1, low: 0.1, high: 0.1 });
  });

  it('no values, and values that are not finite, are refused', () => {
    expect(() => bootstrapMean([])).toThrow('no values');
    expect(() => bootstrapMean([1, Number.NaN])).toThrow('value 1 is NaN');
  });
});

describe('pairedBootstrap', () => {
  it('the interval of a difference of pairs is that of SciPy, but for the noise of resamples', () => {
    const found = pairedBootstrap(values, others, { seed: 7 });
    expect(found.mean).toBeCloseTo(average(values) - average(others), 12);
    expect(Math.abs(found.low - difference.low)).toBeLessThan(NOISE * (difference.high - difference.low));
    expect(Math.abs(found.high - difference.high)).toBeLessThan(NOISE * (difference.high - difference.low));
  });

  it('equal values differ by 0, and lists of two lengths are no pairs', () => {
    expect(pairedBootstrap(values, values)).toEqual({ mean: 0, low: 0, high: 0 });
    expect(() => pairedBootstrap([1, 2], [1])).toThrow('no pairs');
  });

  it('the interval has the true mean in about 95 of 100 repetitions', () => {
    let state = 1;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let hits = 0;
    for (let seed = 0; seed < 200; seed++) {
      const drawn = Array.from({ length: 40 }, () => uniform() + uniform());
      const { low, high } = bootstrapMean(drawn, { seed, resamples: 400 });
      if (low <= 1 && 1 <= high) hits++;
    }
    expect(hits).toBeGreaterThan(175);
    expect(hits).toBeLessThan(199);
  });
});

describe('bootstrapDifference', () => {
  it('the interval of a difference of two means is that of SciPy, but for the noise of resamples', () => {
    const some = others.slice(0, 20);
    const found = bootstrapDifference(values, some, { seed: 7 });
    expect(found.mean).toBeCloseTo(average(values) - average(some), 12);
    expect(Math.abs(found.low - unpaired.low)).toBeLessThan(NOISE * (unpaired.high - unpaired.low));
    expect(Math.abs(found.high - unpaired.high)).toBeLessThan(NOISE * (unpaired.high - unpaired.low));
  });

  it('single values have an interval without width, and no values are refused', () => {
    expect(bootstrapDifference([3, 3], [1])).toEqual({ mean: 2, low: 2, high: 2 });
    expect(() => bootstrapDifference([1], [])).toThrow('no values');
  });
});

describe('summarize', () => {
  it('quantiles and deviation are those of NumPy', () => {
    const sorted = Float64Array.from(values).sort();
    for (const [percent, value] of Object.entries(percentiles)) {
      expect(quantile(sorted, Number(percent) / 100)).toBeCloseTo(value, 12);
    }
    expect(summarize(values)).toMatchObject({
      n: 30,
      sd: expect.closeTo(sd, 12),
      min: percentiles['0'],
      max: percentiles['100'],
      median: expect.closeTo(percentiles['50']!, 12),
      ...bootstrapMean(values),
    });
  });

  it('one value has no deviation', () => {
    expect(summarize([3])).toEqual({ n: 1, mean: 3, sd: 0, min: 3, max: 3, median: 3, low: 3, high: 3 });
  });
});
