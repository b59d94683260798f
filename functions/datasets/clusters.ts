/**
 * @file Clusters near-duplicates and gives each cluster a split, picture after picture in the order of import. A
 * decision depends only on earlier pictures, so further pictures never move an earlier one.
 */
import { createHash } from 'node:crypto';
import type { Split } from '../../storage/records.ts';

export interface Assignment {
  /** Id of the first picture of its cluster. */
  readonly cluster: string;
  readonly split: Split;
}

export interface Refusal {
  /** Why the picture gets no split: it is near pictures of several splits. */
  readonly reason: string;
}

/** Shares of clusters: 90 % train, 5 % validation, 5 % test, by hash of the cluster. */
export function splitOf(cluster: string): Split {
  const share = createHash('sha256').update(`split ${cluster}`).digest().readUInt32LE() / 2 ** 32;
  return share < 0.9 ? 'train' : share < 0.95 ? 'val' : 'test';
}

/**
 * @param ids In the order of import.
 * @param nearOf Indices of the near-duplicates of picture i that come before it.
 * @param fixed Assignments of an earlier ingest. They stay.
 * @param said Splits that the source of a picture says.
 */
export function assignClusters(
  ids: readonly string[],
  nearOf: ReadonlyMap<number, readonly number[]>,
  fixed: ReadonlyMap<string, Assignment>,
  said: ReadonlyMap<string, Split> = new Map(),
): Map<string, Assignment | Refusal> {
  const assigned = new Map<string, Assignment | Refusal>(fixed);
  for (const [index, id] of ids.entries()) {
    if (assigned.has(id)) continue;
    const clusters = new Map<string, Split>();
    for (const near of nearOf.get(index) ?? []) {
      const other = assigned.get(ids[near] ?? '');
      if (other && 'split' in other) clusters.set(other.cluster, other.split);
    }
    const own = said.get(id);
    const splits = [...new Set(clusters.values())].sort();
    const [cluster = id] = clusters.keys();
    if (own !== undefined && splits.some(split => split !== own)) {
      const others = splits.filter(split => split !== own).join(' and ');
      assigned.set(id, { reason: `nearly the same as pictures of the split ${others}, and its folder says ${own}` });
    } else if (splits.length > 1) {
      assigned.set(id, { reason: `nearly the same as pictures of several splits (${splits.join(' and ')})` });
    } else {
      assigned.set(id, { cluster, split: own ?? splits[0] ?? splitOf(cluster) });
    }
  }
  return assigned;
}
