/** @file The buckets of relative positions that T5's attention learns a bias for (arXiv 1910.10683, section 2.1). */

/** Beyond this distance all positions share the last bucket. */
export const MOST_DISTANCE = 128;

/**
 * The bucket of each pair of a query and a key, row-major [length, length]. The first half of the buckets is for keys
 * at or before the query, the second for those after it. In each, near distances have buckets of their own; those of
 * far ones grow with the logarithm.
 * @param buckets Number of buckets; even.
 */
export function relativeBuckets(length: number, buckets: number): number[] {
  const half = buckets / 2;
  const ofDistance = Array.from({ length }, (_, distance) => bucketOf(distance, half));
  const pairs: number[] = [];
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) {
      pairs.push((key > query ? half : 0) + (ofDistance[Math.abs(key - query)] ?? 0));
    }
  }
  return pairs;
}

/** In f32, as the weights were trained: in f64 a distance at a border may fall into the other bucket. */
function bucketOf(distance: number, half: number): number {
  const near = half / 2;
  if (distance < near) return distance;
  const log = Math.fround(Math.log(Math.fround(distance / near)));
  const share = Math.fround(log / Math.fround(Math.log(MOST_DISTANCE / near)));
  return Math.min(half - 1, near + Math.floor(Math.fround(share * (half - near))));
}
