import { expect, test } from 'vitest';
import type { Description } from '../define.ts';
import { readYes } from './read-yes.ts';

const tokens = (likely: Readonly<Record<string, number>>) =>
  Object.entries(likely).map(([token, share]) => ({ token, logprob: Math.log(share) }));
const read = (text: string, likely?: Readonly<Record<string, number>>, finish: Description['finish'] = 'stop') =>
  readYes({ text, finish, ...(likely && { firstTokens: tokens(likely) }) });

test('the probability of yes is that of all its spellings', () => {
  const { yes, by } = read('No', { No: 0.4, Yes: 0.3, ' yes': 0.15, '\u2581YES': 0.05, Maybe: 0.1 });
  expect(by).toBe('probability');
  expect(yes).toBeCloseTo(0.5, 12);
});

test('an answer that begins with something else is read as text', () => {
  expect(read('**Yes**, it does.', { '**': 0.9, Yes: 0.1 })).toEqual({ yes: 1, by: 'text' });
});

test.each([
  ['Yes.', 1],
  [' no', 0],
  ['NO, it shows a cat.', 0],
  ['<think>Is it? No. Perhaps.</think>\n\nYes', 1],
])('of a server that tells no probabilities, %j is read as text', (text, yes) => {
  expect(read(text)).toEqual({ yes, by: 'text' });
});

test.each(['Nothing of that.', 'yesterday', 'Perhaps', '', '<think>Yes, since'])('%j is neither yes nor no', text => {
  expect(read(text)).toEqual({ yes: undefined, by: 'unclear' });
});

test('an answer that a filter withheld is neither', () => {
  expect(read('Yes', undefined, 'filter')).toEqual({ yes: undefined, by: 'unclear' });
});
