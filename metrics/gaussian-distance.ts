/** @file CMMD (arXiv 2401.09603): the squared distance of two sets of features of CLIP, by a Gaussian kernel. */
import type { ProductBlock } from '../numerics/inner-products.ts';
import { type Features, normalizeRows, requireComparable, rowsOf } from './features.ts';
import { visitDistances, visitOwnDistances } from './squared-distances.ts';

/** Of the kernel, for rows of length 1. */
const SIGMA = 10;
/** As the authors print it. */
const SCALE = 1000;

/**
 * The estimate of the authors, which has pairs of a row with itself: 0 for equal sets, never below, and a little above
 * for two sets of one distribution, the less the more rows they have. Rows are brought to length 1 first.
 * @throws RangeError unless both sets have rows of one length, of finite numbers.
 */
export function gaussianDistance(a: Features, b: Features): number {
  requireComparable(a, b, 1);
  const [x, y] = [normalizeRows(a), normalizeRows(b)];
  const [within, other] = [lackWithin(x), lackWithin(y)];
  let across = 0;
  visitDistances(x, y, block => {
    across += lackOf(block, () => block.columns);
  });
  return SCALE * Math.max(0, (2 * across) / (rowsOf(x) * rowsOf(y)) - within - other);
}

/** The mean of 1 - kernel over all pairs of rows: small numbers, of which the sum loses nothing. */
function lackWithin(set: Features): number {
  let sum = 0;
  visitOwnDistances(set, block => {
    sum += lackOf(block, i => Math.max(0, Math.min(block.columns, block.a + i - block.b)));
  });
  return (2 * sum) / rowsOf(set) ** 2;
}

/** @param end Of a row of the block, how many columns count. */
function lackOf({ rows, stride, products }: ProductBlock, end: (row: number) => number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const most = end(i);
    for (let j = 0; j < most; j++) sum += lack(products[i * stride + j]! / (2 * SIGMA * SIGMA));
  }
  return sum;
}

/** 1 - exp(-x) for x up to 0.02: the series is exact to the last digits, and equal on every machine. */
function lack(x: number): number {
  return x * (1 - (x / 2) * (1 - (x / 3) * (1 - (x / 4) * (1 - (x / 5) * (1 - x / 6)))));
}
