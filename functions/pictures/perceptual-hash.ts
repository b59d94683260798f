/**
 * @file Finds near-duplicates by two marks of each picture: a 64-bit DCT hash finds candidates fast, a 16 x 16 colour
 * thumbnail decides. The thumbnail is needed because pictures of one generator differ in small places (a wink, glasses,
 * a colour of the same brightness) that a grey hash does not see.
 */
import { dctBasis, transformCells } from './dct.ts';
import type { RgbImage } from './planar.ts';

/** Side of the picture that is hashed. */
export const HASH_SIDE = 32;
const THUMB_SIDE = 16;
/** Bytes of a thumbnail. */
export const THUMB_BYTES = 3 * THUMB_SIDE * THUMB_SIDE;
const BITS_SIDE = 8;

export interface PerceptualMarks {
  /** 64 bits, 16 hexadecimal digits. */
  readonly phash: string;
  /** base64 of 16 x 16 RGB bytes. */
  readonly thumb: string;
}

/**
 * Bits in which the hashes of near-duplicates may differ. Unrelated pictures differ in about 32. Flat graphics need the
 * most, since many of their coefficients are near the median: portraits of 256 pixels, rescaled or saved as JPEG,
 * differ in up to 18.
 */
export const MAX_HASH_DISTANCE = 18;
/** Largest mean difference of the cells (of 255) between near-duplicates. */
export const MAX_MEAN_DIFFERENCE = 3;
/**
 * Largest difference of a single cell: `floor`, or `timesMean` times the mean difference if that is more, but never
 * above `ceiling`. Re-encoding and rescaling change all cells a little (portraits of 256 pixels: the largest change is
 * at most 10 times the mean). A wink changes two cells by 6 or more and no other.
 */
const CELL_DIFFERENCE = { floor: 4, timesMean: 12, ceiling: 24 } as const;

/** @param image 32 x 32. */
export function markPicture({ data }: RgbImage): PerceptualMarks {
  const luma = new Float64Array(HASH_SIDE * HASH_SIDE);
  for (let i = 0; i < luma.length; i++) {
    luma[i] = 0.299 * (data[3 * i] ?? 0) + 0.587 * (data[3 * i + 1] ?? 0) + 0.114 * (data[3 * i + 2] ?? 0);
  }
  return { phash: hashLuma(luma), thumb: Buffer.from(shrink(data)).toString('base64') };
}

/** Hashes the lowest 8 x 8 coefficients: bit i is set if coefficient i lies above their median. */
function hashLuma(luma: Float64Array): string {
  const basis = dctBasis(BITS_SIDE, HASH_SIDE);
  const coefficients = transformCells(luma, HASH_SIDE, HASH_SIDE, basis);
  const sorted = [...coefficients].sort((a, b) => a - b);
  const median = ((sorted[31] ?? 0) + (sorted[32] ?? 0)) / 2;
  let hex = '';
  for (let i = 0; i < coefficients.length; i += 4) {
    let digit = 0;
    for (let bit = 0; bit < 4; bit++) digit = digit * 2 + ((coefficients[i + bit] ?? 0) > median ? 1 : 0);
    hex += digit.toString(16);
  }
  return hex;
}

/** Averages 2 x 2 pixels. */
function shrink(data: Uint8Array): Uint8Array {
  const row = HASH_SIDE * 3;
  const cells = new Uint8Array(THUMB_BYTES);
  for (let y = 0; y < THUMB_SIDE; y++) {
    for (let x = 0; x < THUMB_SIDE; x++) {
      for (let c = 0; c < 3; c++) {
        const at = 2 * y * row + 2 * x * 3 + c;
        const sum = (data[at] ?? 0) + (data[at + 3] ?? 0) + (data[at + row] ?? 0) + (data[at + row + 3] ?? 0);
        cells[(y * THUMB_SIDE + x) * 3 + c] = (sum + 2) >> 2;
      }
    }
  }
  return cells;
}

/** Decoded marks, ready to be compared. */
export interface ReadableMarks {
  readonly high: number;
  readonly low: number;
  readonly thumb: Uint8Array;
}

export function readMarks({ phash, thumb }: PerceptualMarks): ReadableMarks {
  return {
    high: Number.parseInt(phash.slice(0, 8), 16) | 0,
    low: Number.parseInt(phash.slice(8), 16) | 0,
    thumb: Buffer.from(thumb, 'base64'),
  };
}

/** Number of differing bits, 0 to 64. */
export function hashDistance(a: ReadableMarks, b: ReadableMarks): number {
  return countBits(a.high ^ b.high) + countBits(a.low ^ b.low);
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Mean difference of the cells of two thumbnails, of 255. */
export function meanDifference(a: ReadableMarks, b: ReadableMarks): number {
  let sum = 0;
  for (let i = 0; i < a.thumb.length; i++) sum += Math.abs((a.thumb[i] ?? 0) - (b.thumb[i] ?? 0));
  return sum / a.thumb.length;
}

export function isNearDuplicate(a: ReadableMarks, b: ReadableMarks): boolean {
  if (hashDistance(a, b) > MAX_HASH_DISTANCE) return false;
  let sum = 0;
  let largest = 0;
  for (let i = 0; i < a.thumb.length; i++) {
    const difference = Math.abs((a.thumb[i] ?? 0) - (b.thumb[i] ?? 0));
    sum += difference;
    if (difference > largest) largest = difference;
    if (largest > CELL_DIFFERENCE.ceiling) return false;
  }
  const mean = sum / a.thumb.length;
  const { floor, timesMean } = CELL_DIFFERENCE;
  return mean <= MAX_MEAN_DIFFERENCE && largest <= Math.max(floor, timesMean * mean);
}
