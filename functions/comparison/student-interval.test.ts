import { expect, test } from 'vitest';
import { deviationOf, pairedInterval, welchInterval } from './student-interval.ts';

const A = [1.2, 1.5, 1.1, 1.9];

test('the interval of paired repeats is that of SciPy (ttest_rel)', () => {
  const found = pairedInterval(A, [2.0, 2.4, 1.7, 2.2]);
  expect(found?.low).toBeCloseTo(0.22900192577014866, 3);
  expect(found?.high).toBeCloseTo(1.0709980742298515, 3);
  expect(found?.mean).toBeCloseTo(0.65, 12);
});

test('the interval of unpaired repeats is that of SciPy (ttest_ind, equal_var=False)', () => {
  const found = welchInterval(A, [2.0, 2.4, 1.7]);
  expect(found?.low).toBeCloseTo(-0.11108374839533364, 2);
  expect(found?.high).toBeCloseTo(1.3277504150620008, 2);
});

test('the interval of many repeats is that of SciPy (t.ppf of 40 degrees)', () => {
  const b = Array.from({ length: 41 }, (_, i) => i % 7);
  const found = pairedInterval(Array(41).fill(0), b);
  const half = ((found?.high ?? 0) - (found?.low ?? 0)) / 2;
  expect(half / ((deviationOf(b) ?? 0) / Math.sqrt(41))).toBeCloseTo(2.021075390306273, 4);
});

test('one repeat has no interval, and equal repeats have an empty one', () => {
  expect(pairedInterval([1], [2])).toBeUndefined();
  expect(welchInterval([1], [2, 3])).toBeUndefined();
  expect(pairedInterval([1, 2], [2, 3])).toEqual({ mean: 1, low: 1, high: 1 });
  expect(welchInterval([1, 1], [3, 3])).toEqual({ mean: 2, low: 2, high: 2 });
});
