import { describe, expect, it } from 'vitest';
import { RandomStream } from '../numerics/random-stream.ts';
import { type Features, rowsOf, takeRows } from './features.ts';
import { drawSubsets, kernelDistance, kernelDistanceOfSubsets } from './kernel-distance.ts';
import { GOLDEN_SETS } from './testing/goldens.ts';

const DIM = 16;

function draw(rows: number, seed: number, shift = 0): Features {
  const data = new Float32Array(rows * DIM);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim: DIM, data: data.map(x => x + shift) };
}

describe('kernelDistance', () => {
  it.each(GOLDEN_SETS)('the kernel distance of sets with $name is that of torchmetrics', ({ a, b, kernel }) => {
    const rows = [...Array(Math.min(rowsOf(a), rowsOf(b))).keys()];
    expect(kernelDistance(takeRows(a, rows), takeRows(b, rows))).toBeCloseTo(kernel, 10);
  });

  it('kernelDistance equals the definition on two small sets', () => {
    const [a, b] = [
      { dim: 1, data: Float32Array.of(1, 2, 3) },
      { dim: 1, data: Float32Array.of(0, -1) },
    ];
    const k = (x: number, y: number) => (x * y + 1) ** 3;
    const within = (k(1, 2) + k(1, 3) + k(2, 3)) / 3 + k(0, -1);
    const across = [1, 2, 3].flatMap(x => [k(x, 0), k(x, -1)]).reduce((sum, each) => sum + each, 0) / 6;
    expect(kernelDistance(a, b)).toBeCloseTo(within - 2 * across, 10);
  });

  it('kernelDistance is near 0 for one distribution, in the mean over draws, and grows with a shift', () => {
    const near = Array.from({ length: 16 }, (_, i) => kernelDistance(draw(256, i), draw(256, 100 + i)));
    expect(Math.abs(near.reduce((sum, each) => sum + each, 0) / near.length)).toBeLessThan(0.02);
    const [small, large] = [0.3, 0.6].map(shift => kernelDistance(draw(64, 1), draw(64, 2, shift)));
    expect(small).toBeGreaterThan(0.05);
    expect(large).toBeGreaterThan(2 * (small ?? 0));
  });

  it('kernelDistance refuses sets of other lengths, sets of one row, and numbers that are not finite', () => {
    expect(() => kernelDistance(draw(4, 1), { dim: 8, data: new Float32Array(32) })).toThrow(RangeError);
    expect(() => kernelDistance(draw(1, 1), draw(4, 1))).toThrow('at least 2 rows');
    expect(() => kernelDistance(draw(4, 1), draw(4, 1, Number.NaN))).toThrow('not finite');
  });
});

describe('kernelDistanceOfSubsets', () => {
  it('mean and deviation are those of the kernel distances of the subsets, one by one', () => {
    // More rows than a block has, so that subsets lie across blocks.
    const [a, b] = [draw(150, 1), draw(131, 2, 0.2)];
    const options = { subsets: 7, size: 40, seed: 3 };
    const [left, right] = [a, b].map((set, side) =>
      drawSubsets(set.data.length / DIM, { ...options, side: side === 0 ? 0 : 1 }).map(rows => takeRows(set, rows)),
    );
    const distances = left!.map((rows, i) => kernelDistance(rows, right![i]!));
    const mean = distances.reduce((sum, each) => sum + each, 0) / 7;
    const sd = Math.sqrt(distances.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 7);
    const found = kernelDistanceOfSubsets(a, b, options);
    expect(found).toEqual({ mean: expect.closeTo(mean, 10), sd: expect.closeTo(sd, 10), subsets: 7, size: 40 });
    expect(sd).toBeGreaterThan(0);
  });

  it('the subsets are fixed by the seed, have no row twice, and differ between the sets', () => {
    const [a, b] = [draw(60, 1), draw(60, 1)];
    expect(kernelDistanceOfSubsets(a, b)).toEqual(kernelDistanceOfSubsets(a, b, { subsets: 100, size: 30, seed: 0 }));
    expect(kernelDistanceOfSubsets(a, b, { seed: 1 })).not.toEqual(kernelDistanceOfSubsets(a, b));
    const [subset] = drawSubsets(60, { subsets: 1, size: 30, seed: 0, side: 0 });
    expect(new Set(subset).size).toBe(30);
    expect(subset).not.toEqual(drawSubsets(60, { subsets: 1, size: 30, seed: 0, side: 1 })[0]);
  });

  it('subsets that a set does not have are refused', () => {
    expect(() => kernelDistanceOfSubsets(draw(20, 1), draw(5, 1), { size: 6 })).toThrow('subsets of 6 rows');
  });
});
