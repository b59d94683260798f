import { expect, it } from 'vitest';
import { skipReason } from './skip-reason.ts';

const names = ['a', 'b', 'c', 'd', 'e'];

it.each([
  [
    'the ones that are not finite',
    0.5,
    [1, Number.NaN, 3, 4, 5],
    'not finite, from the loss backwards: the gradient of b, of 5',
  ],
  [
    'three of many, nearest the loss first',
    0.5,
    [Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, Number.NaN, 1],
    'gradient of d, c, b and 1 more, of 5',
  ],
  [
    'the loss',
    Number.NaN,
    [1, 2, 3, 4, Number.NaN],
    'the loss is NaN; not finite, from the loss backwards: the gradient of e,',
  ],
  [
    'the largest when all are finite',
    1e16,
    [1e15, 2e15, 1, 2, 3e15],
    'the gradient is too large, most of all of e, b, a and 2 more',
  ],
])('names %s', (_, loss, norms, text) => {
  expect(skipReason(loss, names, norms)).toContain(text);
});
