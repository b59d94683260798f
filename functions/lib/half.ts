/** @file IEEE 754 binary16 as stored in .npy files: its bits in a Uint16Array. (Float16Array came with Node 24 only.) */

const scratch = new Float32Array(1);
const bitsOf = new Uint32Array(scratch.buffer);

/** Rounds to nearest, ties to even; too large becomes infinity, too small a subnormal or zero. */
export function toHalf(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = roundToHalf(values[i] ?? 0);
  return halves;
}

export function fromHalf(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] ?? 0;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half & 0x8000 ? -1 : 1;
    if (exponent === 31) values[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else if (exponent === 0) values[i] = sign * fraction * 2 ** -24;
    else values[i] = sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return values;
}

function roundToHalf(value: number): number {
  scratch[0] = value;
  const bits = bitsOf[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65536 or more
  if (magnitude < 0x38800000) {
    // Below 2^-14: a multiple of 2^-24. The addition rounds it, ties to even, as f32 does at that exponent.
    scratch[0] = Math.abs(value) + 0.5;
    return sign | ((bitsOf[0] ?? 0) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}
