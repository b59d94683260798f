import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../gpu-runner/model/random.ts';
import { type Features, kernelDistance } from './kid.ts';

const DIM = 16;

function draw(rows: number, seed: number, shift = 0): Features {
  const data = new Float32Array(rows * DIM);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim: DIM, data: data.map(x => x + shift) };
}

describe('kernelDistance', () => {
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

  it('kernelDistance refuses sets of other lengths, and sets of one row', () => {
    expect(() => kernelDistance(draw(4, 1), { dim: 8, data: new Float32Array(32) })).toThrow(RangeError);
    expect(() => kernelDistance(draw(1, 1), draw(4, 1))).toThrow(RangeError);
  });
});
