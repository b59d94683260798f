/** The numbers come from metrics/testdata/make-gaussian-goldens.py, which follows the authors in NumPy. */
import { expect, test } from 'vitest';
import type { Features } from './features.ts';
import { gaussianDistance } from './gaussian-distance.ts';

function draw(rows: number, dim: number, seed: number): Features {
  const data = Float32Array.from({ length: rows * dim }, (_, at) => {
    const [i, k] = [Math.floor(at / dim), at % dim];
    return Math.sin(seed + 1.7 * i + 0.3 * k * k + 0.01 * i * k);
  });
  return { dim, data };
}

test.each([
  ['more rows than a block has', draw(130, 24, 1), draw(77, 24, 5), 0.004709797043034314],
  ['few long rows', draw(9, 512, 2), draw(40, 512, 3), 1.293545244535066],
])('the Gaussian distance is that of its authors: %s', (_, a, b, expected) => {
  // Rows of length 1 are stored as f32.
  expect(gaussianDistance(a, b)).toBeCloseTo(expected, 5);
  expect(gaussianDistance(b, a)).toBeCloseTo(gaussianDistance(a, b), 12);
});

test('the Gaussian distance equals the definition on unit vectors, and does not see their lengths', () => {
  const rows = (...data: number[]): Features => ({ dim: 2, data: Float32Array.from(data) });
  // Two rows at a right angle: their squared distance is 2.
  const k = Math.exp(-2 / 200);
  const [a, b] = [rows(1, 0, 0, 1), rows(3, 0)];
  expect(gaussianDistance(a, b)).toBeCloseTo(1000 * ((2 + 2 * k) / 4 + 1 - (1 + k)), 9);
  expect(gaussianDistance(a, rows(0, 9, 2, 0))).toBe(0);
});

test('the Gaussian distance refuses sets of other lengths, and numbers that are not finite', () => {
  expect(() => gaussianDistance(draw(4, 3, 1), draw(4, 2, 1))).toThrow(RangeError);
  expect(() => gaussianDistance({ dim: 1, data: Float32Array.of(Number.NaN) }, draw(4, 1, 1))).toThrow('not finite');
});
