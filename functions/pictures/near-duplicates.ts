/** @file Finds all pairs of near-duplicates among many pictures. CPU work for the worker pool. */
import {
  hashDistance,
  isNearDuplicate,
  MAX_HASH_DISTANCE,
  MAX_MEAN_DIFFERENCE,
  type PerceptualMarks,
  type ReadableMarks,
  readMarks,
  THUMB_BYTES,
} from './perceptual-hash.ts';

/** Marks of pictures in few bytes, since all of them go to another thread. */
export interface PackedMarks {
  /** High and low word of each hash. */
  readonly hashes: Int32Array;
  /** THUMB_BYTES of each picture. */
  readonly thumbs: Uint8Array;
}

export function packMarks(marks: readonly PerceptualMarks[]): PackedMarks {
  const hashes = new Int32Array(2 * marks.length);
  const thumbs = new Uint8Array(THUMB_BYTES * marks.length);
  for (const [i, each] of marks.entries()) {
    const { high, low, thumb } = readMarks(each);
    hashes.set([high, low], 2 * i);
    thumbs.set(thumb, THUMB_BYTES * i);
  }
  return { hashes, thumbs };
}

function unpackMarks({ hashes, thumbs }: PackedMarks): ReadableMarks[] {
  return Array.from({ length: hashes.length / 2 }, (_, i) => ({
    high: hashes[2 * i] ?? 0,
    low: hashes[2 * i + 1] ?? 0,
    thumb: thumbs.subarray(THUMB_BYTES * i, THUMB_BYTES * (i + 1)),
  }));
}

/** Pairs [later, earlier] of indices, flat, sorted by the later one. */
export function findNearDuplicates(marks: PackedMarks): Uint32Array {
  const readable = unpackMarks(marks);
  const brightness = readable.map(({ thumb }) => thumb.reduce((sum, value) => sum + value, 0) / thumb.length);
  // The means of near-duplicates differ by at most the mean of their differences. So only pictures of similar
  // brightness are compared.
  const order = readable.map((_, index) => index).sort((a, b) => (brightness[a] ?? 0) - (brightness[b] ?? 0));
  const pairs: (readonly [number, number])[] = [];
  for (const [position, index] of order.entries()) {
    const marksOfOne = readable[index];
    const limit = (brightness[index] ?? 0) + MAX_MEAN_DIFFERENCE;
    for (let next = position + 1; next < order.length; next++) {
      const other = order[next] ?? 0;
      const marksOfOther = readable[other];
      if ((brightness[other] ?? 0) > limit || !marksOfOne || !marksOfOther) break;
      if (hashDistance(marksOfOne, marksOfOther) > MAX_HASH_DISTANCE) continue;
      if (isNearDuplicate(marksOfOne, marksOfOther)) pairs.push([Math.max(index, other), Math.min(index, other)]);
    }
  }
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return Uint32Array.from(pairs.flat());
}
