/** @file "Did you mean": finds the known name nearest to an unknown one. */
import { z } from 'zod';
import { NotFound } from '../errors.ts';

/** Schema of one of `names`. Its error for another name has the nearest, and all. @param what Their kind: 'engine'. */
export function oneOf<const N extends readonly [string, ...string[]]>(what: string, names: N) {
  return z.enum(names, {
    error({ input }) {
      if (typeof input !== 'string') return undefined;
      const nearest = nearestName(input, names);
      const advice = nearest === undefined ? '' : `did you mean "${nearest}"? `;
      return `unknown ${what} "${input.slice(0, 50)}"; ${advice}known: ${names.join(', ')}`;
    },
  });
}

/** The nearest of `known` by edit distance; undefined if no name is within half of the name's length. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    const distance =
      candidate.includes(name) || name.includes(candidate) ? 1 : editDistance(name.toLowerCase(), candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Number of insertions, deletions and substitutions that turn `a` into `b` (Levenshtein 1965). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** @param noun What the name should mean: 'preset'. */
export function unknownName(noun: string, name: string, names: readonly string[]): NotFound {
  const nearest = nearestName(name, names);
  return new NotFound(`there is no ${noun} "${name.slice(0, 63)}"`, {
    expected: `one of: ${names.join(', ')}`,
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  });
}
