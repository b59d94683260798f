/** @file A fixed subset of the pictures that are trained on: a pure function of their ids and a seed. */
import { digestOf } from '../../storage/digest.ts';

/**
 * Ids whose sha256, with the seed, is among the `size` smallest. So the subset of a larger size has all ids of a
 * smaller one, and a picture that is added or removed changes one id at most.
 * @param ids In any order. @returns All of them when there are no more than `size`.
 */
export function chooseSubset(ids: readonly string[], size: number, seed: number): Set<string> {
  if (ids.length <= size) return new Set(ids);
  const ranked = ids.map(id => ({ id, rank: digestOf(`subset ${seed} ${id}`) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return new Set(ranked.slice(0, size).map(({ id }) => id));
}
