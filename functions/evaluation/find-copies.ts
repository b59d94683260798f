/**
 * @file Task of the worker pool: which pictures are copies of training pictures. A picture is one if its nearest
 * training picture is far nearer than the second: d1 / d2 below a third (Carlini et al., arXiv 2301.13188; Yoon et al.,
 * "Diffusion probabilistic models generalize when they fail to memorize").
 */
import type { Copies } from '../../configs/memorization.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import type { Features } from '../../metrics/features.ts';
import { type NearestTwo, nearestClusters } from '../../metrics/nearest-clusters.ts';

export interface FindCopiesTask {
  readonly pictures: Features;
  readonly training: Features;
  /** The cluster of near-duplicates of each training picture. */
  readonly clusters: readonly string[];
}

export interface Nearest extends NearestTwo {
  /** d1 / d2; 0 for an equal picture; 1 without a second one. */
  readonly ratio: number;
}

/** For each picture its nearest training picture, and how much nearer it is than the next. */
export function findCopies({ pictures, training, clusters }: FindCopiesTask): Nearest[] {
  return nearestClusters(pictures, training, clusters).map(near => ({ ...near, ratio: ratioOf(near.d1, near.d2) }));
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
