/**
 * @file Authenticity (Alaa et al., "How faithful is your synthetic data?", arXiv 2102.08921): whether a drawn row is
 * farther from its nearest training row than that row is from the next training row. Its share is AuthPct of dgm-eval.
 */
import { type Features, takeRows } from './features.ts';
import { nearestClusters } from './nearest-clusters.ts';

/**
 * For each drawn row whether it is authentic: a copy is not. Equal distances are not authentic.
 * @param clusters The cluster of near-duplicates of each training row: the next training row is of another cluster.
 * With a cluster for each row this is the published measure.
 * @returns Undefined if there is no second cluster.
 * @throws RangeError unless all rows are finite and of one length, and both sets have one.
 */
export function authenticRows(
  drawn: Features,
  training: Features,
  clusters: readonly string[],
): readonly boolean[] | undefined {
  const near = nearestClusters(drawn, training, clusters);
  // The other training rows are nearest to no drawn one: their distances are not asked for.
  const asked = [...new Set(near.map(({ index }) => index))];
  const between = nearestClusters(takeRows(training, asked), training, clusters);
  const toNext = new Map(asked.map((index, i) => [index, between[i]?.d2]));
  const authentic = near.flatMap(({ index, d1 }) => {
    const next = toNext.get(index);
    return next === undefined ? [] : [next < d1];
  });
  return authentic.length === near.length ? authentic : undefined;
}
