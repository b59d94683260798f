/** @file Cuts a list that is too large for one blob into parts. */

/**
 * Entries in their order, in parts of at most `most` bytes; a larger entry is a part by itself. An empty list is one
 * empty part.
 */
export function cutParts<T>(entries: readonly T[], bytesOf: (entry: T) => number, most: number): T[][] {
  const parts: T[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    const size = bytesOf(entry);
    if (bytes > 0 && bytes + size > most) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(entry);
    bytes += size;
  }
  return parts;
}
