/** @file The nearest row of a set, and the next one that is no near-duplicate of it. */
import { type Features, takeRows } from './features.ts';
import { type Neighbour, nearestRows } from './nearest.ts';

/** So many neighbours are looked at first. */
const NEAR = 8;

export interface NearestTwo {
  /** Of the nearest row. */
  readonly index: number;
  readonly d1: number;
  /** To the nearest row of another cluster; undefined if there is no other cluster. */
  readonly d2: number | undefined;
}

/**
 * For each query its nearest row, and the distance to the nearest row of another cluster.
 * @param clusters The cluster of near-duplicates of each row of the set. Many near-duplicates do not hide the next row.
 * @throws RangeError unless all rows are finite and of one length, and both sets have one.
 */
export function nearestClusters(queries: Features, set: Features, clusters: readonly string[]): NearestTwo[] {
  const found = compareNear(nearestRows(queries, set, NEAR), clusters);
  const open = found.flatMap(({ d2 }, row) => (d2 === undefined ? [row] : []));
  const sizes = [...Map.groupBy(clusters, cluster => cluster).values()].map(({ length }) => length);
  const most = sizes.reduce((a, b) => Math.max(a, b), 0) + 1;
  if (open.length === 0 || most <= NEAR || sizes.length < 2) return found;
  for (const [i, near] of compareNear(nearestRows(takeRows(queries, open), set, most), clusters).entries()) {
    found[open[i] ?? 0] = near;
  }
  return found;
}

function compareNear(all: readonly (readonly Neighbour[])[], clusters: readonly string[]): NearestTwo[] {
  return all.map(near => {
    const [first] = near;
    if (first === undefined) return { index: 0, d1: Number.POSITIVE_INFINITY, d2: undefined };
    const second = near.find(({ index }) => clusters[index] !== clusters[first.index]);
    return { index: first.index, d1: first.distance, d2: second?.distance };
  });
}
