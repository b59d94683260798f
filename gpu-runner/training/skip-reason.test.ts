import { expect, it } from 'vitest';
import { skipReason } from './skip-reason.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
/** A gradient with these norms of the parameters a to e. */
const gradient = (...norms: number[]) => ({ names, norms, norm: Math.hypot(...norms) });

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
])('the reason of a skipped step names %s', (_, loss, norms, text) => {
  expect(skipReason({ mean: loss, metrics: {} }, gradient(...norms))).toContain(text);
});

it('the reason names the one of several losses that is not finite', () => {
  const metrics = { 'loss/flow_matching': 0.5, 'loss/repa': Number.NaN };
  const reason = skipReason({ mean: Number.NaN, metrics }, gradient(1, 2, 3, 4, Number.NaN));
  expect(reason).toBe(
    'loss/repa is NaN; not finite, from the loss backwards: the gradient of e, of 5 parameters in all',
  );
});

it('the reason says that the sum of finite losses is not finite', () => {
  const metrics = { 'loss/flow_matching': 1e38, 'loss/repa': 3e38 };
  expect(skipReason({ mean: Number.POSITIVE_INFINITY, metrics }, gradient(1, 2, 3, 4, 5))).toContain(
    'the loss is Infinity; the gradient is too large',
  );
});

it('the reason of a skip tells the next loss scale of f16', () => {
  const losses = { mean: 0.5, metrics: {} };
  const reasonAt = (scale: number) => skipReason(losses, gradient(1, Number.NaN, 3, 4, 5), scale);
  expect(reasonAt(65536)).toMatch(/of 5 parameters in all; the loss scale of f16 was 65536, and is 32768 from now on$/);
  expect(reasonAt(1)).toMatch(/was 1, and is 1 from now on$/);
});

it('the reason of a gradient that exploded tells its norm beside the usual one, and leaves the loss scale alone', () => {
  const exploded = { ...gradient(3, 0, 4, 0, 0), median: 0.125 };
  expect(skipReason({ mean: 0.5, metrics: {} }, exploded, 65536)).toBe(
    'the gradient is too large: its norm is 5.00, the median of the last 0.125, most of all of c, a, e and 2 more',
  );
});
