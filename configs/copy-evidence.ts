/** @file What speaks for copies in the findings of a check for memorized pictures. */
import type { CopyPair, Memorization } from './memorization.ts';

/** Rate of false alarms above which copies would not stand out. */
const MOST_ALARMS = 0.5;
/** Most suspicious pictures that a check shows. */
export const SHOWN_PAIRS = 20;

type CopySpace = Memorization['spaces'][number];

/** The space in which most held-out pictures look like copies, so that the check cannot tell; undefined: it can. */
export function findBlindSpace({ memorized, spaces }: Pick<Memorization, 'memorized' | 'spaces'>) {
  return memorized ? undefined : spaces.find(({ held_out }) => held_out !== null && held_out.rate > MOST_ALARMS);
}

/** What speaks for copies. */
export interface CopyEvidence {
  readonly extractor: string;
  /** Of the pictures that were looked at, the share of copies. */
  readonly rate: number;
  /** The same of pictures that cannot be remembered. */
  readonly floor: number;
  /** The rate above the floor. */
  readonly excess: number;
  /** What was drawn: `of what it draws`. */
  readonly among: string;
}

/**
 * What speaks most for copies, of all that was looked at in any space: near pairs, a caption swap, a cosine. It decides
 * a verdict. Of equal excesses the higher rate tells more.
 */
export function findStrongestEvidence({ spaces }: Pick<Memorization, 'spaces'>): CopyEvidence {
  const all = spaces.flatMap(listEvidence);
  return all.reduce((a, b) => ((b.excess - a.excess || b.rate - a.rate) > 0 ? b : a));
}

function listEvidence(space: CopySpace): CopyEvidence[] {
  const { extractor, condition, drawn, held_out, obeyed, excess, caption_swap: swap, cosine } = space;
  const among = condition === undefined ? 'of what it draws' : `of what it draws from ${condition}`;
  const floor = Math.max(held_out?.rate ?? 0, obeyed?.rate ?? 0);
  return [
    { extractor, rate: drawn.rate, floor, excess, among },
    ...(swap
      ? [
          {
            ...{ extractor, rate: swap.returned.rate, floor: swap.floor?.rate ?? 0, excess: swap.excess },
            among: 'of what it draws from captions of trained pictures with nothing else of them',
          },
        ]
      : []),
    ...(cosine && !cosine.told
      ? [
          {
            ...{ extractor, rate: cosine.drawn.rate, excess: cosine.excess, among },
            floor: Math.max(cosine.held_out?.rate ?? 0, cosine.obeyed?.rate ?? 0),
          },
        ]
      : []),
  ];
}

/** The smallest ratios, each drawn picture once. */
export function worstPairs<T extends CopyPair>(pairs: readonly T[]): T[] {
  const seen = new Set<string>();
  const sorted = [...pairs].sort((a, b) => a.ratio - b.ratio);
  const worst: T[] = [];
  for (const pair of sorted) {
    if (worst.length === SHOWN_PAIRS) break;
    const key = `${pair.pictures} ${pair.id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    worst.push(pair);
  }
  return worst;
}

/**
 * The space in which most drawn pictures are copies by their near pairs alone; what a swap or a cosine says there does
 * not count. Its rates are told beside each other. Of equal excesses the higher rate tells more.
 */
export function findSpaceOfMostCopies({ spaces }: Pick<Memorization, 'spaces'>): CopySpace {
  return spaces.reduce((a, b) => ((b.excess - a.excess || b.drawn.rate - a.drawn.rate) > 0 ? b : a));
}

/** 0.0083 -> `0.83 %` */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
