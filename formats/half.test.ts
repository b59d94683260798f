import { expect, it } from 'vitest';
import { fromBf16Bits, fromF16Bits, toBf16Bits, toF16Bits, widenF16 } from './half.ts';

const ALL_BITS = Array.from({ length: 0x10000 }, (_, bits) => bits);

it('converts every binary16 to a number and back', () => {
  const wrong = ALL_BITS.filter(bits => {
    const value = fromF16Bits(bits);
    return Number.isNaN(value) ? !Number.isNaN(fromF16Bits(toF16Bits(value))) : toF16Bits(value) !== bits;
  });
  expect(wrong).toEqual([]);
});

it('rounds to the nearest binary16, ties to even', () => {
  const ulp = 2 ** -10;
  expect(fromF16Bits(toF16Bits(1 + ulp / 2))).toBe(1);
  expect(fromF16Bits(toF16Bits(1 + (3 * ulp) / 2))).toBe(1 + 2 * ulp);
  expect(fromF16Bits(toF16Bits(65_519))).toBe(65_504);
  expect(fromF16Bits(toF16Bits(65_520))).toBe(Number.POSITIVE_INFINITY);
  expect(fromF16Bits(toF16Bits(2 ** -25))).toBe(0);
  expect(fromF16Bits(toF16Bits(3 * 2 ** -26))).toBe(2 ** -24);
});

it('converts every bfloat16 to a number and back, and rounds ties to even', () => {
  const wrong = ALL_BITS.filter(bits => {
    const value = fromBf16Bits(bits);
    return !Number.isNaN(value) && toBf16Bits(value) !== bits;
  });
  expect(wrong).toEqual([]);
  expect(fromBf16Bits(toBf16Bits(1 + 2 ** -8))).toBe(1);
  expect(fromBf16Bits(toBf16Bits(1 + 3 * 2 ** -8))).toBe(1 + 2 ** -6);
});

it('widens binary16 in bulk as one by one', () => {
  const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const target = new Float32Array(bits.length + 3);
  widenF16(bits, target, 3);
  expect(target.subarray(3)).toEqual(Float32Array.from(bits, fromF16Bits));
  expect([...target.subarray(0, 3)]).toEqual([0, 0, 0]);
});
