/** @file How many pictures of each size an update has. */
import type { PictureSize } from '../model/batch.ts';

export type SizeCounts = { readonly [size: `size/${string}`]: number };

/** By `size/WIDTHxHEIGHT`. A filler does not count. */
export function countSizes(items: readonly PictureSize[], counts: readonly boolean[]): SizeCounts {
  const found: Record<string, number> = {};
  for (const [place, { width, height }] of items.entries()) {
    if (counts[place] !== true) continue;
    const name = `size/${width}x${height}`;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}
