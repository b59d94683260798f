/**
 * @file Task of the worker pool: which pictures are copies of training pictures. A picture is one if its nearest
 * training picture is far nearer than the second: d1 / d2 below a third (Carlini et al., arXiv 2301.13188; Yoon et al.,
 * "Diffusion probabilistic models generalize when they fail to memorize").
 */
import type { Copies } from '../../configs/memorization.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import type { Features } from '../../metrics/features.ts';
import { nearestRows } from '../../metrics/nearest.ts';

/** So many nearest training pictures are looked at first, to find one that is no near-duplicate of the nearest. */
const NEAR = 8;

export interface FindCopiesTask {
  readonly pictures: Features;
  readonly training: Features;
  /** The cluster of near-duplicates of each training picture. */
  readonly clusters: readonly string[];
}

export interface Nearest {
  /** Of the nearest training picture. */
  readonly index: number;
  readonly d1: number;
  /** To the nearest one of another cluster; undefined if there is no other cluster. */
  readonly d2: number | undefined;
  /** d1 / d2; 0 for an equal picture; 1 without a second one. */
  readonly ratio: number;
}

/** For each picture its nearest training picture, and how much nearer it is than the next. */
export function findCopies({ pictures, training, clusters }: FindCopiesTask): Nearest[] {
  const found = compareNear(nearestRows(pictures, training, NEAR), clusters);
  const open = found.flatMap(({ d2 }, row) => (d2 === undefined ? [row] : []));
  const sizes = [...Map.groupBy(clusters, cluster => cluster).values()].map(({ length }) => length);
  // Many near-duplicates are what a model memorizes first: they must not hide the next picture.
  const most = sizes.reduce((a, b) => Math.max(a, b), 0) + 1;
  if (open.length === 0 || most <= NEAR || sizes.length < 2) return found;
  const { dim, data } = pictures;
  const rows = new Float32Array(open.length * dim);
  for (const [i, row] of open.entries()) rows.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  for (const [i, near] of compareNear(nearestRows({ dim, data: rows }, training, most), clusters).entries()) {
    found[open[i] ?? 0] = near;
  }
  return found;
}

function compareNear(all: ReturnType<typeof nearestRows>, clusters: readonly string[]): Nearest[] {
  return all.map(near => {
    const [first] = near;
    if (first === undefined) return { index: 0, d1: Number.POSITIVE_INFINITY, d2: undefined, ratio: 1 };
    const second = near.find(({ index }) => clusters[index] !== clusters[first.index]);
    const { index, distance: d1 } = first;
    return { index, d1, d2: second?.distance, ratio: ratioOf(d1, second?.distance) };
  });
}

function ratioOf(d1: number, d2: number | undefined): number {
  if (d1 === 0) return 0;
  return d2 === undefined || d2 === 0 ? 1 : d1 / d2;
}

/** How many pictures are copies: their ratio is below a limit. */
export function countCopies(near: readonly Nearest[], limit: number): Copies {
  const [pictures, copies] = [near.length, near.filter(({ ratio }) => ratio < limit).length];
  return { pictures, copies, rate: copies / pictures, ...wilson(copies, pictures) };
}
