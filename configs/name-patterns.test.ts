import { expect, test } from 'vitest';
import { matchesAny, unmatched } from './name-patterns.ts';

test.each([
  ['blocks.0.attn.q', 'blocks.0.attn.q', true],
  ['blocks.*', 'blocks.0.attn.q', true],
  ['blocks.*', 'block', false],
  ['*.attn.*', 'blocks.0.attn.q', true],
  ['*.attn.*', 'blocks.0.mlp.up', false],
  ['blocks.1.*', 'blocks.11.attn.q', false],
  ['*q', 'blocks.0.attn.q', true],
  ['*', 'anything', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*b', 'ab', false],
  ['time.in', 'timexin', false],
])('%s against %s: %s', (pattern, name, expected) => {
  expect(matchesAny([pattern], name)).toBe(expected);
});

test('a hostile pattern takes no time', () => {
  const pattern = `${'*a'.repeat(90)}*b`;
  expect(matchesAny([pattern], 'a'.repeat(5000))).toBe(false);
});

test('names the patterns that nothing matches', () => {
  expect(unmatched(['time.*', 'tiem.*'], ['time.in', 'time.out'])).toEqual(['tiem.*']);
});
