/** @file Takes some of many, the same ones each time. */

/** Of so many entries, at most `most` indexes, evenly spread. */
export function spreadIndexes(entries: number, most: number): number[] {
  const count = Math.min(entries, most);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * entries) / count));
}
