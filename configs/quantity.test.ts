import { expect, test } from 'vitest';
import { formatCount, listSome, quantity } from './quantity.ts';

test('a count of one has a noun in the singular, every other count in the plural', () => {
  expect([0, 1, 2].map(count => quantity(count, 'picture'))).toEqual(['0 pictures', '1 picture', '2 pictures']);
  expect(quantity(3, 'copy', 'copies')).toBe('3 copies');
});

test('a count has a comma before each three digits', () => {
  expect([0, 999, 1000, 12_345, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '12,345', '1,234,567']);
});

test('a list names the first and counts the others', () => {
  expect(listSome(['a', 'b'], 2)).toBe('a, b');
  expect(listSome(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
  expect(listSome(['a', 'b'], 3, 1002)).toBe('a, b and 1,000 more');
});
