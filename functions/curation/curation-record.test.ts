import { expect, test } from 'vitest';
import { parseCuration, recordCuration } from './curation-record.ts';

const pixels = { blur: 1, dark: 0, bright: 0, brightness: 0.5 };
const measuresOf = (caption: string) => recordCuration({ width: 30, height: 40 }, { pixels, caption }).measures;

test.each([
  ['', 0, 0],
  [' - , !', 0, 6],
  ["a dog's two-tone collar", 4, 23],
  ['l’été dernier', 2, 13],
  ['Zürich 2024', 2, 11],
  ['猫がいる', 4, 4],
  ['red 猫', 2, 5],
  ['🦊 fox', 1, 5],
])('"%s" has %i words and %i characters', (caption, words, characters) => {
  expect(measuresOf(caption)).toMatchObject({ caption_words: words, caption_characters: characters });
});

test('a picture without crop, caption and scores lacks their measures', () => {
  const record = recordCuration({ width: 30, height: 45 }, { pixels });
  expect(record).toEqual({ v: 1, measures: { side: 30, pixels: 1350, aspect: 1.5, ...pixels } });
  expect(parseCuration(Buffer.from(JSON.stringify(record)))).toEqual(record);
});
