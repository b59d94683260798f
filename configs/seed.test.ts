import { expect, test } from 'vitest';
import { drawableSeedSchema, parseWithSeeds, seedSchema } from './seed.ts';

test.each([
  [0, 0],
  [2 ** 53 - 1, 2 ** 53 - 1],
  ['7', 7],
  ['007', 7],
  ['9007199254740991', 2 ** 53 - 1],
  ['9007199254740992', '9007199254740992'],
  ['18446744073709551615', '18446744073709551615'],
])('the seed %j has the one form %j', (given, seed) => {
  expect(seedSchema.parse(given)).toBe(seed);
  expect(drawableSeedSchema.parse(seed)).toBe(seed);
});

test('a seed of -1 is for those who can draw one; the others say who can', () => {
  expect(drawableSeedSchema.parse(-1)).toBe(-1);
  expect(() => seedSchema.parse(-1)).toThrow('POST /sample alone draws a random one, with seed -1');
  expect(seedSchema.safeParse('-1').success).toBe(false);
});

test('parsing keeps the digits of large seeds at any depth, and nothing else', () => {
  const text = '{"seed":9007199254740993,"run":{"preview":{"seed":5}},"steps":9007199254740993,"a":[{"seed":1e30}]}';
  expect(parseWithSeeds(text)).toEqual({
    seed: '9007199254740993',
    run: { preview: { seed: 5 } },
    steps: 9007199254740992,
    a: [{ seed: 1e30 }],
  });
});
