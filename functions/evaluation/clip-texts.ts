/** @file How well pictures fit their captions, by embeddings of CLIP (CLIPScore, arXiv 2104.08718). */

/** The factor of CLIPScore, which stretches its usual values over 0 to 1. */
const STRETCH = 2.5;

/** Parts of a long text of at most `most` tokens: whole sentences together, and a longer sentence by words. */
export function splitText(text: string, most: number, count: (text: string) => number): string[] {
  const fits = (part: string) => count(part) <= most;
  const sentences = text.split(/(?<=[.!?;])\s+/).filter(each => each.trim() !== '');
  const pieces = sentences.flatMap(each => (fits(each) ? [each] : join(each.split(/\s+/), fits)));
  const parts = join(pieces, fits);
  return parts.length > 0 ? parts : [text];
}

/** Neighbours together as long as they fit. */
function join(pieces: readonly string[], fits: (part: string) => boolean): string[] {
  const parts: string[] = [];
  for (const piece of pieces) {
    const longer = parts.length > 0 ? `${parts.at(-1)} ${piece}` : piece;
    if (parts.length > 0 && fits(longer)) parts[parts.length - 1] = longer;
    else parts.push(piece);
  }
  return parts;
}

/** The direction of the mean of directions: what stands for a text of several parts. */
export function meanDirection(rows: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) {
    for (const [i, value] of direction(row).entries()) sum[i]! += value;
  }
  return direction(sum);
}

function direction(row: ArrayLike<number>): Float64Array {
  const length = Math.hypot(...Array.from(row)) || 1;
  return Float64Array.from(row, value => value / length);
}

export interface Fit {
  /** 2.5 times the cosine of picture and caption, at least 0. */
  readonly score: number;
  /** Place of the caption among all texts by likeness to the picture: 1 is the nearest. Ties count against it. */
  readonly rank: number;
}

/** @param picture, caption, others Directions of {@link meanDirection}. */
export function fitOf(picture: Float64Array, caption: Float64Array, others: readonly Float64Array[]): Fit {
  const cosine = (text: Float64Array) => text.reduce((sum, value, i) => sum + value * (picture[i] ?? 0), 0);
  const own = cosine(caption);
  return { score: STRETCH * Math.max(0, own), rank: 1 + others.filter(text => cosine(text) >= own).length };
}
