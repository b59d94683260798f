import { expect, it } from 'vitest';
import { RandomStream } from '../../numerics/random-stream.ts';
import { drawRoute } from './draw-route.ts';

const draw = (tokens: number, kept: number, index: number, seed = 1) => {
  const target = new Int32Array(kept);
  drawRoute(new RandomStream(seed, 'route', index), tokens, target);
  return [...target];
};

it('a route has distinct tokens in ascending order, the same ones for the same stream', () => {
  for (let index = 0; index < 50; index++) {
    const route = draw(12, 7, index);
    expect(new Set(route).size).toBe(7);
    expect(route).toEqual(route.toSorted((a, b) => a - b));
    expect(route.every(token => token >= 0 && token < 12)).toBe(true);
    expect(draw(12, 7, index)).toEqual(route);
  }
  expect(draw(12, 7, 0)).not.toEqual(draw(12, 7, 1));
  expect(draw(12, 7, 0)).not.toEqual(draw(12, 7, 0, 2));
  expect(draw(5, 5, 3)).toEqual([0, 1, 2, 3, 4]);
});

it('every token is on the route as often as its share, and pairs of tokens as sets of that size have them', () => {
  const [draws, tokens, kept] = [20_000, 6, 3];
  const singles = new Float64Array(tokens);
  const pairs = new Float64Array(tokens * tokens);
  for (let index = 0; index < draws; index++) {
    const route = draw(tokens, kept, index);
    for (const a of route) {
      singles[a]! += 1 / draws;
      for (const b of route) if (a < b) pairs[a * tokens + b]! += 1 / draws;
    }
  }
  for (const share of singles) expect(share).toBeCloseTo(0.5, 1.6);
  for (let a = 0; a < tokens; a++) {
    for (let b = a + 1; b < tokens; b++) expect(pairs[a * tokens + b]).toBeCloseTo(0.2, 1.6);
  }
});
