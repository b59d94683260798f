import { describe, expect, it } from 'vitest';
import { forwardFlops } from './model-size.ts';
import { parseConfig } from './parse.ts';
import { trainingFlops } from './training-flops.ts';
import { isRouted, keptTokens, routedBlocks, routedTokens, treadSchema } from './tread.ts';

const tread = treadSchema.parse({});

it('by default half of the tokens skip all blocks but the first two and the last one', () => {
  expect(routedBlocks(tread, 18)).toEqual({ first: 2, last: 16 });
  expect(keptTokens(tread, 4096)).toBe(2048);
  expect(routedTokens({ ...tread, first_block: 1 }, 18, 4096)).toBe((2 * 4096 + 16 * 2048) / 18);
});

it('at least one token skips no block, and an odd one of two halves does not', () => {
  for (const routing_probability of [0.01, 0.5, 0.999]) {
    for (const tokens of [1, 2, 7, 1024])
      expect(keptTokens({ ...tread, routing_probability }, tokens)).toBeGreaterThan(0);
  }
  expect(keptTokens(tread, 7)).toBe(4);
});

it('routing ends at its share of the samples; at share 1 it never ends', () => {
  expect([0, 84, 85, 100].map(samples => isRouted(tread, samples, 100))).toEqual([true, true, false, false]);
  expect(isRouted({ ...tread, until: 1 }, 1000, 100)).toBe(true);
  expect(isRouted(undefined, 0, 100)).toBe(false);
});

describe('a config', () => {
  it('without the key has none, and keeps its digest', () => {
    expect(parseConfig({}).objective).not.toHaveProperty('tread');
  });

  it.each([
    [{ model: { depth: 3 } }, 'from block 2 to block 1, and the model has 3 blocks'],
    [{ model: { depth: 6 }, objective: { tread: { last_block: 6 } } }, 'from block 2 to block 6, and the model has 6'],
    [{ objective: { tread: { first_block: 4, last_block: -3 } } }, 'from block 4 to block 3'],
    [{ objective: { tread: { routing_probability: 0 } } }, 'objective.tread.routing_probability'],
    [{ objective: { tread: { routing_probability: 1 } } }, 'objective.tread.routing_probability'],
    [{ objective: { tread: { route: 1 } } }, 'unknown key objective.tread.route'],
  ])('%j with a route that is not possible is refused with the reason', (changes, reason) => {
    expect(() => parseConfig({ objective: { tread: {} }, ...changes })).toThrow(reason);
  });
});

it('the work of a training counts the tokens that skip blocks, for the share of the run in which they do', () => {
  const frame = { width: 64, height: 64, textTokens: 0 };
  const config = (until: number) => parseConfig({ objective: { tread: { until } } });
  const dense = 3 * forwardFlops(config(1).model, frame);
  const routed = trainingFlops(config(1), frame);
  // Three of six blocks have half of the tokens, and attention among them a quarter of the work.
  expect(routed / dense).toBeLessThan(0.75);
  expect(routed / dense).toBeGreaterThan(0.7);
  expect(trainingFlops(config(0.5), frame)).toBeCloseTo((dense + routed) / 2, -3);
  expect(trainingFlops(config(0.5), frame, 0)).toBe(routed);
  expect(trainingFlops(config(0.5), frame, 24_000)).toBe(dense);
});
