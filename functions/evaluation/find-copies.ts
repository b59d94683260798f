/**
 * @file Task of the worker pool: which pictures are copies of training pictures. A picture is one if its nearest
 * training picture is far nearer than the second: d1 / d2 below a third (Carlini et al., arXiv 2301.13188; Yoon et al.,
 * "Diffusion probabilistic models generalize when they fail to memorize").
 */
import type { Copies } from '../../configs/memorization.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import { type Features, normalizeRows } from '../../metrics/features.ts';
import { nearestRows } from '../../metrics/nearest.ts';
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

/** A training picture that a picture is most like. */
export interface Likest {
  readonly index: number;
  readonly cosine: number;
}

/** For each picture its nearest training picture, and how much nearer it is than the next. */
export function findCopies({ pictures, training, clusters }: FindCopiesTask): Nearest[] {
  return nearestClusters(pictures, training, clusters).map(near => ({ ...near, ratio: ratioOf(near.d1, near.d2) }));
}

/** Task of the worker pool: for each picture the training picture of the largest cosine of their features. */
export function findLikest({ pictures, training }: Pick<FindCopiesTask, 'pictures' | 'training'>): Likest[] {
  const near = nearestRows(normalizeRows(pictures), normalizeRows(training), 1);
  return near.map(([first]) => ({ index: first?.index ?? 0, cosine: 1 - (first?.distance ?? 0) ** 2 / 2 }));
}

function ratioOf(d1: number, d2: number | undefined): number {
  if (d1 === 0) return 0;
  return d2 === undefined || d2 === 0 ? 1 : d1 / d2;
}

/** How many pictures are copies: their ratio is below a limit. */
export function countCopies(near: readonly Nearest[], limit: number): Copies {
  return countOf(near.map(({ ratio }) => ratio < limit));
}

/** @param flags Of each picture, whether it is a copy. */
export function countOf(flags: readonly boolean[]): Copies {
  const [pictures, copies] = [flags.length, flags.filter(Boolean).length];
  return { pictures, copies, rate: copies / pictures, ...wilson(copies, pictures) };
}
