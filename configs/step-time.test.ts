import { expect, it } from 'vitest';
import { predictSeconds } from './step-time.ts';

/** 4 s of products, and 2 s of other operations. */
const measured = { seconds: 6, flops: 400, movedBytes: 20, productFlopsPerSecond: 100 };

it('products take time by their operations, the rest by the bytes that it moves', () => {
  expect(predictSeconds(measured, measured)).toBe(6);
  expect(predictSeconds({ flops: 4000, movedBytes: 20 }, measured)).toBe(40 + 2);
  expect(predictSeconds({ flops: 400, movedBytes: 200 }, measured)).toBe(4 + 20);
});

it.each([
  ['the speed of products is not known', { productFlopsPerSecond: undefined }],
  ['the moved bytes are not known', { movedBytes: undefined }],
  ['a product was measured as slower than the whole step', { productFlopsPerSecond: 50 }],
])('a step goes by operations alone where %s', (_, change) => {
  expect(predictSeconds({ flops: 4000, movedBytes: 20 }, { ...measured, ...change })).toBe(60);
});

it('a step whose moved bytes are not known goes by operations alone', () => {
  expect(predictSeconds({ flops: 200 }, measured)).toBe(3);
});
