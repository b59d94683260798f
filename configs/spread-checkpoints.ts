/** @file Checkpoints that are kept all over a run, not only at its end. Their number is bounded. */

export interface Spread<C> {
  /** Oldest first. */
  readonly spaced: C[];
  readonly dropped: C[];
}

/**
 * Drops checkpoints until `most` are left: each time the one whose neighbours are nearest to each other, so that the
 * rest is spread evenly over the run. The newest one stays.
 * @param checkpoints Oldest first.
 */
export function spreadCheckpoints<C extends { readonly step: number }>(
  checkpoints: readonly C[],
  most: number,
): Spread<C> {
  const spaced = [...checkpoints];
  const dropped: C[] = [];
  while (spaced.length > most) {
    const gaps = spaced.map(({ step }, i) => (spaced[i + 1]?.step ?? step) - (spaced[i - 1]?.step ?? 0));
    const inner = gaps.slice(0, -1);
    const narrowest = inner.length === 0 ? 0 : inner.indexOf(Math.min(...inner));
    dropped.push(...spaced.splice(narrowest, 1));
  }
  return { spaced, dropped };
}
