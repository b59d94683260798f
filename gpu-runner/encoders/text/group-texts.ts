/** @file Which texts go through a network together, so that little padding is computed. */

export interface TextGroup {
  /** Indices of the texts. */
  readonly places: readonly number[];
  /** Rows of the program: those after the texts are empty. */
  readonly batch: number;
  /** Tokens of a row. */
  readonly length: number;
}

/**
 * The next length that programs have: multiples of 8 up to 64, then four between a power of two and the next one. So
 * few programs are compiled, and a row has less than a quarter of padding.
 */
function roundLength(tokens: number): number {
  const step = Math.max(8, 2 ** (Math.floor(Math.log2(Math.max(1, tokens - 1))) - 2));
  return Math.ceil(Math.max(1, tokens) / step) * step;
}

/**
 * Groups texts of about equal length, the longest first.
 * @param lengths Tokens of each text. @param most Tokens of a group, padding included, unless one text is longer.
 */
export function groupTexts(lengths: readonly number[], most: number): TextGroup[] {
  const order = lengths.map((_, place) => place).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  const groups: TextGroup[] = [];
  for (let at = 0; at < order.length; ) {
    const length = roundLength(lengths[order[at] ?? 0] ?? 0);
    const places = order.slice(at, at + Math.max(1, Math.floor(most / length)));
    // Texts of half the length or less wait for a group of their own.
    const short = places.findIndex(place => 2 * roundLength(lengths[place] ?? 0) <= length);
    const taken = short > 0 ? places.slice(0, short) : places;
    groups.push({ places: taken, batch: rowsFor(taken.length, Math.max(1, Math.floor(most / length))), length });
    at += taken.length;
  }
  return groups;
}

/** Rows of the program for a number of texts: a power of two, or as many as fit. */
function rowsFor(texts: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(texts)));
}
