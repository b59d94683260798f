import { describe, expect, test } from 'vitest';
import { combineValues, nestKeys, planRungs, rankRuns, stepsAt } from './halving.ts';

describe('rungs of successive halving', () => {
  test('halve the runs from the first share to the whole', () => {
    const rungs = planRungs(8, 1000, 0.01, 1);
    expect(rungs.map(({ runs }) => runs)).toEqual([8, 4, 2, 1]);
    expect(rungs.map(({ share }) => stepsAt(share, 1000))).toEqual([10, 46, 215, 1000]);
  });

  test.each([
    [1, 1, [1]],
    [3, 1, [3, 2, 1]],
    [5, 2, [5, 3, 2]],
    [4, 9, [4]],
  ])('%i runs with %i finalists take rungs of %j', (runs, finalists, expected) => {
    expect(planRungs(runs, 10_000, 0.01, finalists).map(rung => rung.runs)).toEqual(expected);
  });

  test.each([1, 2, 5, 13, 100])('of a run of %i steps grow, and end at its end', steps => {
    const found = planRungs(64, steps, 0.01, 1).map(({ share }) => stepsAt(share, steps));
    expect(found.at(-1)).toBe(steps);
    expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
  });

  test('cost less than half of all runs', () => {
    const rungs = planRungs(16, 1e6, 0.01, 1);
    const cost = rungs.reduce((sum, { share, runs }, k) => sum + runs * (share - (rungs[k - 1]?.share ?? 0)), 0);
    expect(cost).toBeLessThan(3);
  });
});

test('runs are ranked by their score; those that diverged come last, in their order', () => {
  const scored = [3, undefined, 1, Number.NaN, 2].map((score, run) => ({ run, score }));
  expect(rankRuns(scored).map(({ run }) => run)).toEqual([2, 4, 0, 1, 3]);
});

test('every combination of values comes once', () => {
  expect(combineValues<unknown>({ a: [1, 2], 'b.c': ['x', 'y'] })).toEqual([
    { a: 1, 'b.c': 'x' },
    { a: 1, 'b.c': 'y' },
    { a: 2, 'b.c': 'x' },
    { a: 2, 'b.c': 'y' },
  ]);
});

test('keys with dots nest, side by side', () => {
  expect(nestKeys({ 'a.b.c': 1, 'a.b.d': null, e: [2] })).toEqual({ a: { b: { c: 1, d: null } }, e: [2] });
});
