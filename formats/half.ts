/**
 * @file Converts numbers to the bits of IEEE 754 binary16 and bfloat16 and back. Rounds to nearest, ties to even. (Node
 * has Float16Array only since version 24.)
 */

const scratch = new Float32Array(1);
const bitsOf = new Uint32Array(scratch.buffer);

export function toBf16Bits(x: number): number {
  scratch[0] = x;
  const bits = bitsOf[0] ?? 0;
  if (Number.isNaN(x)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

export function fromBf16Bits(bits: number): number {
  bitsOf[0] = bits << 16;
  return scratch[0] ?? 0;
}

/** Numbers that are too large become infinity, too small ones a subnormal number or zero. */
export function toF16Bits(x: number): number {
  scratch[0] = x;
  const bits = bitsOf[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65536 or more
  if (magnitude < 0x38800000) {
    // Below 2^-14, f16 is a multiple of 2^-24. The addition rounds to it, ties to even, since f32 does so at that
    // exponent.
    scratch[0] = Math.abs(x) + 0.5;
    return sign | ((bitsOf[0] ?? 0) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

export function fromF16Bits(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** All f16 numbers as f32, by their bits. A look-up is several times as fast as the arithmetic. */
let f16Table: Float32Array | undefined;

/** Writes f16 numbers, given as bits, into `target` from `at` on. */
export function widenF16(bits: Uint16Array, target: Float32Array, at: number): void {
  f16Table ??= Float32Array.from({ length: 2 ** 16 }, (_, value) => fromF16Bits(value));
  const table = f16Table;
  for (let i = 0; i < bits.length; i++) target[at + i] = table[bits[i]!]!;
}
