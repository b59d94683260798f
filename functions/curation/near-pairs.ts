/** @file Near-duplicates as pairs, with how much they differ. */
import {
  hashDistance,
  isNearDuplicate,
  meanDifference,
  type PerceptualMarks,
  readMarks,
} from '../pictures/perceptual-hash.ts';

export interface MarkedPicture {
  readonly id: string;
  readonly name: string;
  readonly cluster: string;
  readonly marks: PerceptualMarks;
}

export interface NearPair {
  /** In the order of the dataset. */
  readonly first: { readonly id: string; readonly name: string };
  readonly second: { readonly id: string; readonly name: string };
  /** Bits of the perceptual hashes that differ, of 64. */
  readonly bits: number;
  /** Mean difference of the thumbnails, of 255. */
  readonly difference: number;
}

/** All pairs within the clusters. Pictures of one cluster need not all be near: a chain of pairs joins them. */
export function findNearPairs(pictures: readonly MarkedPicture[]): NearPair[] {
  const clusters = Map.groupBy(pictures, ({ cluster }) => cluster);
  const pairs: NearPair[] = [];
  for (const members of clusters.values()) {
    if (members.length < 2) continue;
    const read = members.map(({ id, name, marks }) => ({ id, name, marks: readMarks(marks) }));
    for (const [i, second] of read.entries()) {
      for (const first of read.slice(0, i)) {
        if (!isNearDuplicate(first.marks, second.marks)) continue;
        pairs.push({
          first: { id: first.id, name: first.name },
          second: { id: second.id, name: second.name },
          bits: hashDistance(first.marks, second.marks),
          difference: Number(meanDifference(first.marks, second.marks).toFixed(3)),
        });
      }
    }
  }
  return pairs;
}
