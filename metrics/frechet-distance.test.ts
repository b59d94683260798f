import { describe, expect, it } from 'vitest';
import { RandomStream } from '../numerics/random-stream.ts';
import type { Features } from './features.ts';
import { frechetDistance } from './frechet-distance.ts';
import { GOLDEN_SETS } from './testing/goldens.ts';

function draw(rows: number, dim: number, seed: number): Features {
  const data = new Float32Array(rows * dim);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim, data };
}

describe('frechetDistance', () => {
  it.each(GOLDEN_SETS)('the distance of sets with $name is that of NumPy, and of pytorch-fid', golden => {
    const distance = frechetDistance(golden.a, golden.b);
    expect(distance).toBeCloseTo(golden.frechet, 6);
    if (golden.pytorch_fid !== null) expect(distance).toBeCloseTo(golden.pytorch_fid, 4);
    expect(frechetDistance(golden.b, golden.a)).toBeCloseTo(distance, 8);
  });

  it.each([
    [80, 12],
    [9, 30],
  ])('a set of %i rows of %i numbers has the distance 0 from itself, but for rounding', (rows, dim) => {
    const set = draw(rows, dim, 1);
    expect(frechetDistance(set, set)).toBeLessThan(1e-9);
  });

  it('a shift of every number by 2 has the distance of the means alone', () => {
    const set = draw(50, 6, 2);
    expect(frechetDistance(set, { ...set, data: set.data.map(x => x + 2) })).toBeCloseTo(6 * 4, 4);
  });

  it('sets without variance, with numbers that are always 0, and with repeated numbers have finite distances', () => {
    const flat: Features = { dim: 3, data: new Float32Array(30) };
    expect(frechetDistance(flat, flat)).toBe(0);
    expect(frechetDistance(flat, { dim: 3, data: new Float32Array(30).fill(1) })).toBe(3);
    const random = draw(40, 1, 3).data;
    // Three numbers of 40 rows: x, 0, x.
    const twice: Features = {
      dim: 3,
      data: Float32Array.from({ length: 120 }, (_, i) => (i % 3 === 1 ? 0 : random[Math.floor(i / 3)]!)),
    };
    expect(frechetDistance(twice, twice)).toBeLessThan(1e-9);
    const variance = random.reduce((sum, x) => sum + x * x, 0) - random.reduce((sum, x) => sum + x, 0) ** 2 / 40;
    const mean = random.reduce((sum, x) => sum + x, 0) / 40;
    expect(frechetDistance(twice, flat)).toBeCloseTo(2 * (variance / 39 + mean * mean), 5);
  });

  it('sets of one row, and of rows of other lengths, are refused', () => {
    expect(() => frechetDistance(draw(1, 4, 1), draw(5, 4, 1))).toThrow('at least 2 rows');
    expect(() => frechetDistance(draw(5, 4, 1), draw(5, 3, 1))).toThrow('rows of one length');
  });
});
