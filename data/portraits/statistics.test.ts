import { expect, test } from 'vitest';
import { InvalidInput } from '../../errors.ts';
import { seamRatio, wilson } from './statistics.ts';

test("Wilson's interval agrees with published values", () => {
  // Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29.
  const cases = [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const;
  for (const [k, n, low, high] of cases) {
    const interval = wilson(k, n);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  }
  expect(wilson(256, 256).high).toBe(1);
  expect(() => wilson(3, 2)).toThrow(InvalidInput);
  expect(() => wilson(0, 0)).toThrow(InvalidInput);
});

/** A picture that rises by `step` per pixel, and by `jump` more at each border of 4-pixel patches. */
function ramp(step: number, jump: number, size = 16) {
  const level = (at: number) => at * step + Math.floor(at / 4) * jump;
  const data = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) data.fill(level(i % size) + level(Math.floor(i / size)), 3 * i, 3 * i + 3);
  return { data, width: size, height: size };
}

test('the seam ratio is the gradient across borders over the gradient inside', () => {
  expect(seamRatio([ramp(3, 0)], 4)).toBeCloseTo(1, 10);
  expect(seamRatio([ramp(3, 6)], 4)).toBeCloseTo(3, 10);
  expect(seamRatio([ramp(2, 6), ramp(4, 0)], 4)).toBeCloseTo((8 + 4) / (2 + 4), 10);
});

test('the seam ratio refuses pictures without borders or without detail', () => {
  expect(() => seamRatio([ramp(3, 0)], 16)).toThrow(InvalidInput);
  expect(() => seamRatio([{ data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 }], 4)).toThrow(InvalidInput);
});
