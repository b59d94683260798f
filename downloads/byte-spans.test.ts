import { expect, test } from 'vitest';
import { countBytes, mergeSpans, missingSpans, type Span } from './byte-spans.ts';

/** The oracle: a flag per byte. */
const flagsOf = (spans: readonly Span[]) =>
  Array.from({ length: 40 }, (_, at) => spans.some(({ start, end }) => at >= start && at < end));

test('spans of random files are merged and subtracted as flags of single bytes are', () => {
  let state = 7;
  const draw = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const drawSpans = () =>
    Array.from({ length: draw(6) }, () => {
      const start = draw(36);
      return { start, end: start + draw(5) };
    });
  for (let round = 0; round < 300; round++) {
    const [wanted, had] = [drawSpans(), drawSpans()];
    const merged = mergeSpans(wanted);
    expect(flagsOf(merged)).toEqual(flagsOf(wanted));
    expect(merged.every(({ start }, i) => i === 0 || start > (merged[i - 1]?.end ?? 0))).toBe(true);
    const missing = missingSpans(wanted, had);
    const flags = flagsOf(had);
    expect(flagsOf(missing)).toEqual(flagsOf(wanted).map((flag, at) => flag && !flags[at]));
    expect(countBytes(missing)).toBe(flagsOf(missing).filter(Boolean).length);
  }
});

test('spans that lie closer than the gap become one request', () => {
  const spans = [
    { start: 0, end: 10 },
    { start: 14, end: 20 },
    { start: 40, end: 50 },
  ];
  expect(mergeSpans(spans, 4)).toEqual([
    { start: 0, end: 20 },
    { start: 40, end: 50 },
  ]);
});
