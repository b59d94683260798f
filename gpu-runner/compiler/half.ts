/** @file IEEE 754 binary16 and bfloat16 as bits in Uint16Array, rounding to nearest even. */

const scratch = new Float32Array(1);
const bits = new Uint32Array(scratch.buffer);
const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);

export function toBf16Bits(x: number): number {
  scratch[0] = x;
  const word = bits[0] ?? 0;
  if (Number.isNaN(x)) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

export function fromBf16Bits(word: number): number {
  bits[0] = word << 16;
  return scratch[0] ?? 0;
}

export function toF16Bits(x: number): number {
  half[0] = x;
  return halfBits[0] ?? 0;
}

export function fromF16Bits(word: number): number {
  halfBits[0] = word;
  return half[0] ?? 0;
}
