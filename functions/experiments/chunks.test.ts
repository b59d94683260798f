import { describe, expect, test } from 'vitest';
import { nextChunk, stepsFor } from './chunks.ts';

test('steps see at least the samples', () => {
  expect(stepsFor(128, 8)).toBe(16);
  expect(stepsFor(129, 8)).toBe(17);
  expect(stepsFor(1, 64)).toBe(1);
});

describe('nextChunk', () => {
  test('goes to the next border, from wherever it starts', () => {
    expect(nextChunk(0, 100, 750)).toEqual({ from: 0, to: 100 });
    expect(nextChunk(100, 100, 750)).toEqual({ from: 100, to: 200 });
    expect(nextChunk(137, 100, 750)).toEqual({ from: 137, to: 200 });
    expect(nextChunk(199, 100, 750)).toEqual({ from: 199, to: 200 });
  });

  test('ends at the last step', () => {
    expect(nextChunk(700, 100, 750)).toEqual({ from: 700, to: 750 });
    expect(nextChunk(750, 100, 750)).toBeUndefined();
    expect(nextChunk(800, 100, 750)).toBeUndefined();
  });

  test('covers every step once', () => {
    const covered: number[] = [];
    for (let step = 0; ; ) {
      const chunk = nextChunk(step, 7, 40);
      if (!chunk) break;
      for (let s = chunk.from; s < chunk.to; s++) covered.push(s);
      step = chunk.to;
    }
    expect(covered).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });
});
