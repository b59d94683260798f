/**
 * @file Inputs for a pretrained network, and a short description of its outputs that another program can make too:
 * tools/make-encoder-goldens.py.
 */
import type { EncodedArray } from '../encoders/encoder.ts';
import type { PlanarImage } from '../pictures/planar.ts';

const SUMS = 32;
/** Of multiplicative hashing (Knuth): its products stay exact below 2^21 numbers of an output. */
const FACTOR = 2_654_435_761;

export interface PictureRecipe {
  readonly seed: number;
  readonly width: number;
  readonly height: number;
}

/** A picture of colour ramps, by whole numbers alone. */
export function drawPicture({ seed, width, height }: PictureRecipe): PlanarImage {
  const data = new Uint8Array(3 * width * height);
  let at = 0;
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        data[at++] = x * (3 + seed) + y * (5 + 2 * seed) + c * 40 + Math.floor((x * y) / 8) * (1 + seed);
      }
    }
  }
  return { data, width, height };
}

export interface Fingerprint {
  readonly shape: readonly number[];
  /** Root mean square. */
  readonly rms: number;
  /** Number i of the output is added to sum i mod 32, with a sign that i decides. */
  readonly sums: readonly number[];
}

export function fingerprint({ shape, data }: EncodedArray): Fingerprint {
  const sums = new Array<number>(SUMS).fill(0);
  let squares = 0;
  for (const [i, x] of data.entries()) {
    const sign = Math.floor((i * FACTOR) / 256) % 2 === 1 ? 1 : -1;
    sums[i % SUMS] = (sums[i % SUMS] ?? 0) + sign * x;
    squares += x * x;
  }
  return { shape, rms: Math.sqrt(squares / Math.max(1, data.length)), sums };
}

/**
 * How far an output is from the expected one, as a share of it: the larger of the distances of sums and of rms.
 * Infinite for another shape, or for numbers that are not finite.
 */
export function distanceOf(found: Fingerprint, expected: Fingerprint): number {
  if (found.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const difference = norm(found.sums.map((x, i) => x - (expected.sums[i] ?? 0)));
  const distance = Math.max(difference / norm(expected.sums), Math.abs(found.rms / expected.rms - 1));
  return Number.isFinite(distance) ? distance : Number.POSITIVE_INFINITY;
}
