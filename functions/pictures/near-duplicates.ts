/** @file Finds all pairs of near-duplicates among many pictures. CPU work for the worker pool. */
import { hashDistance, isNearDuplicate, MAX_HASH_DISTANCE, MAX_MEAN_DIFFERENCE, readMarks } from './perceptual-hash.ts';

export interface NearDuplicateInput {
  readonly marks: readonly { readonly phash: string; readonly thumb: string }[];
}

/** Pairs [later, earlier] of indices, flat, sorted by the later one. */
export function findNearDuplicates({ marks }: NearDuplicateInput): Uint32Array {
  const readable = marks.map(readMarks);
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
