/**
 * @file Numbers that tools/make-model-goldens.py makes too, so that goldens need no stored inputs: the finalizer of
 * murmur3 over a counter that starts at FNV-1a of a name.
 */

/** `count` numbers in [-1, 1) with 24 bits. */
export function numbersOf(name: string, count: number): Float64Array {
  let start = 2166136261;
  for (const byte of Buffer.from(name)) start = Math.imul(start ^ byte, 16777619);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (start + Math.imul(i + 1, 0x9e3779b9)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 8) / 2 ** 23 - 1;
  });
}
