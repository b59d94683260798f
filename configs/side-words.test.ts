import { expect, test } from 'vitest';
import { findSideWord } from './side-words.ts';

test.each([
  ['a woman looks to the left', 'left'],
  ['Right-handed player', 'Right'],
  ['the left_hand is up', 'left'],
  ['her left, his right', 'left'],
  ['turned counter-clockwise', 'clockwise'],
  ['links ein Baum', 'links'],
  ['une femme à droite', 'droite'],
  ['a sign with the words "open"', 'words'],
  ['a shirt with a logo', 'logo'],
])('in "%s" the word %s forbids to mirror', (caption, word) => {
  expect(findSideWord(caption)).toBe(word);
});

test.each(['a bright copyright', 'leftovers on a plate', 'a smiling woman with red hair', ''])(
  'in "%s" no word forbids to mirror',
  caption => {
    expect(findSideWord(caption)).toBeUndefined();
  },
);
