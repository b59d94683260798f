/** @file Where the encoder `dct` (functions/encoders/encode-dct.ts) puts the coefficients of which frequencies. */

/** Frequencies of a side of the coefficients of CLS. */
export const CLS_SIDE = 8;
/** Number of coefficients of CLS from Y, Cb and Cr. */
export const CLS_COUNTS = [32, 16, 16] as const;
/** Frequencies of a side of the coefficients of a patch, of Y, then Cb, then Cr. */
export const PATCH_SIDE = 3;

/** Indices into 8 x 8 coefficients, diagonal by diagonal, in about the order of JPEG. */
export const LOW_FREQUENCIES: readonly number[] = Array.from({ length: CLS_SIDE * CLS_SIDE }, (_, index) => index).sort(
  (a, b) => {
    const [u, v, w, z] = [a % CLS_SIDE, Math.floor(a / CLS_SIDE), b % CLS_SIDE, Math.floor(b / CLS_SIDE)];
    return u + v - (w + z) || v - z;
  },
);

/** A cosine of odd horizontal frequency changes its sign in a mirrored picture. */
const signOf = (horizontal: number): 1 | -1 => (horizontal % 2 === 1 ? -1 : 1);

/** Factors that make the numbers of a mirrored picture of those of the picture. */
export const DCT_MIRROR_SIGNS = {
  cls: CLS_COUNTS.flatMap(count => LOW_FREQUENCIES.slice(0, count).map(index => signOf(index % CLS_SIDE))),
  patches: CLS_COUNTS.flatMap(() => Array.from({ length: PATCH_SIDE ** 2 }, (_, k) => signOf(k % PATCH_SIDE))),
} as const;
