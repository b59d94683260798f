/** @file Sets of byte ranges: what a partial file has, and what it still needs. */

/** Bytes `start` to `end`, without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The same bytes as sorted spans that neither touch nor overlap. Empty spans are dropped. */
export function mergeSpans(spans: readonly Span[], gap = 0): Span[] {
  const merged: Span[] = [];
  for (const span of spans.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && span.start <= last.end + gap) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    } else merged.push({ start: span.start, end: span.end });
  }
  return merged;
}

/** Bytes of `wanted` that `had` lacks, sorted. */
export function missingSpans(wanted: readonly Span[], had: readonly Span[]): Span[] {
  const held = mergeSpans(had);
  return mergeSpans(wanted).flatMap(span => {
    const holes: Span[] = [];
    let at = span.start;
    for (const { start, end } of held) {
      if (end <= at || start >= span.end) continue;
      if (start > at) holes.push({ start: at, end: start });
      at = Math.max(at, end);
    }
    return at < span.end ? [...holes, { start: at, end: span.end }] : holes;
  });
}

/** Bytes of spans that do not overlap. */
export function countBytes(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}
