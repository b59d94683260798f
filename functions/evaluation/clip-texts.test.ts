import { expect, test } from 'vitest';
import { fitOf, meanDirection, splitText } from './clip-texts.ts';

const words = (text: string) => text.split(/\s+/).length;

test('a long text is read in parts of whole sentences, and a sentence that is too long by words', () => {
  const text = 'A red fox. It sits in snow. Behind it one two three four five six seven eight nine. Dusk.';
  const parts = splitText(text, 7, words);
  expect(parts).toEqual([
    'A red fox. It sits in snow.',
    'Behind it one two three four five',
    'six seven eight nine. Dusk.',
  ]);
  expect(parts.join(' ')).toBe(text);
  expect(splitText('a fox', 7, words)).toEqual(['a fox']);
  expect(splitText('', 7, words)).toEqual(['']);
});

test('the score is that of the paper, and the rank counts texts that are as near', () => {
  const [x, y] = [meanDirection([[2, 0]]), meanDirection([[0, 3]])];
  const between = meanDirection([
    [5, 0],
    [0, 1],
  ]);
  expect([...between]).toEqual([Math.SQRT1_2, Math.SQRT1_2].map(value => expect.closeTo(value, 12)));
  expect(fitOf(x, x, [y, between])).toEqual({ score: 2.5, rank: 1 });
  expect(fitOf(x, between, [x, y])).toEqual({ score: expect.closeTo(2.5 * Math.SQRT1_2, 12), rank: 2 });
  expect(fitOf(x, y, [x, y, between])).toEqual({ score: 0, rank: 4 });
  expect(fitOf(x, meanDirection([[-1, 0]]), [])).toEqual({ score: 0, rank: 1 });
});
