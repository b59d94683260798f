import { describe, expect, it } from 'vitest';
import { naturalLog, normalQuantile, permutation, RandomStream, scheduleKey, threefry4x32 } from './random-stream.ts';

/** Known answers of Random123 (kat_vectors, threefry4x32 20). */
const KNOWN = [
  { counter: [0, 0, 0, 0], key: [0, 0, 0, 0], expected: [0x9c6ca96a, 0xe17eae66, 0xfc10ecd4, 0x5256a7d8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    expected: [0x2a881696, 0x57012287, 0xf6c7446e, 0xa16a6732],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89],
    expected: [0x59cd1dbb, 0xb8879579, 0x86b5d00c, 0xac8b6d84],
  },
];

describe('threefry4x32', () => {
  it.each(KNOWN)('threefry4x32 gives the published answer for counter $counter', ({ counter, key, expected }) => {
    const out = new Uint32Array(4);
    threefry4x32(scheduleKey(Uint32Array.from(key)), Uint32Array.from(counter), out);
    expect([...out]).toEqual(expected);
  });
});

describe('RandomStream', () => {
  it('equal keys give equal streams; another seed, purpose or index gives another stream', () => {
    const draw = (seed: number, purpose: 'noise' | 'time', index: number) => {
      const stream = new RandomStream(seed, purpose, index);
      return Array.from({ length: 9 }, () => stream.bits()).join();
    };
    expect(draw(1, 'noise', 5)).toBe(draw(1, 'noise', 5));
    expect(new Set([draw(1, 'noise', 5), draw(2, 'noise', 5), draw(1, 'time', 5), draw(1, 'noise', 6)]).size).toBe(4);
  });

  it('filling an array gives the same normals as drawing them one by one, from any position', () => {
    for (const [skipped, length] of [
      [0, 9],
      [3, 4],
      [5, 1],
      [2, 11],
    ] as const) {
      const [filling, drawing] = [new RandomStream(1, 'noise'), new RandomStream(1, 'noise')];
      for (let i = 0; i < skipped; i++) expect(filling.bits()).toBe(drawing.bits());
      const filled = new Float32Array(length);
      filling.fillNormal(filled);
      expect([...filled]).toEqual(Array.from({ length }, () => Math.fround(drawing.normal())));
      expect(filling.bits()).toBe(drawing.bits());
    }
  });

  it('normals have mean 0 and variance 1', () => {
    const values = new Float32Array(200_000);
    new RandomStream(3, 'noise').fillNormal(values);
    const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(3))).toBeLessThan(0.05);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });
});

describe('normalQuantile', () => {
  it.each([
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.7, 0.5244005127080407],
    [0.9, 1.2815515655446004],
    [0.975, 1.959963984540054],
    [0.001, -3.090232306167814],
    [1e-9, -5.997807015007773],
  ])('the normal quantile of %d is %d', (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(1e-6);
  });
});

it('naturalLog agrees with Math.log', () => {
  for (let i = 1; i < 5000; i++) expect(naturalLog(i * 1.37e-3)).toBeCloseTo(Math.log(i * 1.37e-3), 13);
});

it('a permutation has every number once, and not in order', () => {
  const order = permutation(1000, new RandomStream(0, 'order'));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(order.filter((value, i) => value === i).length).toBeLessThan(20);
});
