import { expect, test } from 'vitest';
import type { ColumnName } from '../../configs/signals.ts';
import { ColumnBudget } from './column-budget.ts';

const page = new Map<ColumnName, number>([
  ['image', 100],
  ['text', 10],
  ['cls', 1],
]);

function chooseAll(bytes: number, pages = 3) {
  const budget = new ColumnBudget(bytes, pages);
  return Array.from({ length: pages }, () => budget.choose(page));
}

test('small columns of all pages come before a large one of the first page', () => {
  expect(chooseAll(50)).toEqual([
    ['cls', 'text'],
    ['cls', 'text'],
    ['cls', 'text'],
  ]);
});

test('the rest of the budget keeps first pages whole', () => {
  expect(chooseAll(240)).toEqual([
    ['cls', 'text', 'image'],
    ['cls', 'text', 'image'],
    ['cls', 'text'],
  ]);
});

test('a budget for all keeps all, and one of nothing keeps nothing', () => {
  expect(chooseAll(333).flat()).toHaveLength(9);
  expect(chooseAll(0).flat()).toEqual([]);
});

test('a page that is larger than the first keeps what still fits', () => {
  const budget = new ColumnBudget(22, 2);
  expect(budget.choose(page)).toEqual(['cls', 'text']);
  expect(
    budget.choose(
      new Map([
        ['text', 12],
        ['cls', 2],
      ]),
    ),
  ).toEqual(['cls']);
});
