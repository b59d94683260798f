/** @file Which signals the samples of a training keep: the categories of dropout, on a model and a picture. */
import type { ObjectiveConfig } from './objective.ts';
import { type Category, DROPOUT_CATEGORIES, type SignalName } from './signals.ts';

type Dropout = ObjectiveConfig['cfg_dropout'];

/**
 * The signals that a sample keeps of those that it has. A category none of whose signals it has keeps all: a picture
 * with text alone is otherwise trained without any signal whenever the draw says "CLS alone".
 */
export function keptSignals(category: Category | undefined, present: readonly SignalName[]): readonly SignalName[] {
  if (category?.of?.some(name => present.includes(name)) === false || category === undefined) return present;
  return present.filter(name => category.keeps.includes(name));
}

/** Signals that samples keep together, and their share of all samples. */
export interface SignalShare {
  readonly keeps: readonly SignalName[];
  readonly share: number;
}

/** What a training on pictures with these signals keeps, largest share first. The shares sum to 1. */
export function signalShares(present: readonly SignalName[], dropout: Dropout): SignalShare[] {
  const drawn = DROPOUT_CATEGORIES.map(category => ({ category, share: dropout[category.key] ?? 0 }));
  const rest = 1 - drawn.reduce((sum, { share }) => sum + share, 0);
  const shares = new Map<string, SignalShare>();
  for (const { category, share } of [{ category: undefined, share: rest }, ...drawn]) {
    const keeps = keptSignals(category, present);
    const known = shares.get(keeps.join())?.share ?? 0;
    // Shares are decimals: sums have twelve digits.
    shares.set(keeps.join(), { keeps, share: Number((known + share).toFixed(12)) });
  }
  return [...shares.values()].filter(({ share }) => share > 0).toSorted((a, b) => b.share - a.share);
}
