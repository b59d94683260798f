import { expect, test } from 'vitest';
import { cell, coverPairs, type Factors, fewestRows } from './covering-array.ts';

const FACTORS: Factors = { a: ['1', '2', '3'], b: ['1', '2'], c: ['1', '2', '3', '4'], d: ['1', '2'] };

function pairsIn(rows: readonly Readonly<Record<string, string>>[]): Set<string> {
  const found = new Set<string>();
  for (const row of rows) {
    for (const [one, x] of Object.entries(row)) {
      for (const [other, y] of Object.entries(row)) if (one < other) found.add(`${cell(one, x)} ${cell(other, y)}`);
    }
  }
  return found;
}

test('every pair of values is in a row, in fewer rows than all combinations', () => {
  const rows = coverPairs(FACTORS);
  expect(pairsIn(rows).size).toBe(3 * 2 + 3 * 4 + 3 * 2 + 2 * 4 + 2 * 2 + 4 * 2);
  expect(rows.length).toBeLessThan(20);
  expect(coverPairs(FACTORS)).toEqual(rows);
});

test('forbidden pairs are in no row, and all others are', () => {
  const rows = coverPairs(FACTORS, [
    ['a=1', 'c=2'],
    ['c=3', 'b=1'],
  ]);
  const pairs = pairsIn(rows);
  expect(pairs.has('a=1 c=2') || pairs.has('b=1 c=3')).toBe(false);
  expect(pairs.size).toBe(44 - 2);
});

test('the fewest rows have all wanted cells', () => {
  const rows = coverPairs(FACTORS);
  const wanted = new Set(['a=2', 'a=3', 'b=2', 'c=4']);
  const chosen = fewestRows(rows, wanted);
  expect(chosen.length).toBe(2);
  const cells = chosen.flatMap(row => Object.entries(row).map(([factor, value]) => cell(factor, value)));
  for (const each of wanted) expect(cells).toContain(each);
});
