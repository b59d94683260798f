import { expect, test } from 'vitest';
import { readRecord } from './caption-record.ts';

test.each([
  [
    { caption: ' a fox ', rating: 1 },
    { caption: 'a fox', attributes: { rating: 1 } },
  ],
  [
    { caption: ['a fox', ' red fox', 'a fox', ''] },
    { caption: 'a fox', attributes: { captions: ['a fox', 'red fox'] } },
  ],
  [{ text: ['a fox'] }, { caption: 'a fox' }],
  [
    { captions: ['one', 'two'], rating: 1 },
    { caption: 'one', attributes: { rating: 1, captions: ['one', 'two'] } },
  ],
  [
    { caption: 'own', captions: ['one'] },
    { caption: 'own', attributes: { captions: ['one'] } },
  ],
])('of %j, the first text is the caption and the list holds all', (record, said) => {
  expect(readRecord(record)).toEqual(said);
});

test.each([
  [{ caption: ['a', 2] }, 'its "caption" is a list; expected a text, or a list of texts'],
  [{ caption: [] }, 'its "caption" is a list; expected a text, or a list of texts'],
  [{ caption: ['', ' '] }, 'an empty caption'],
  [{ rating: 1 }, 'it has no key "caption" and no key "text"'],
])('%j has no caption: %s', (record, problem) => {
  expect(readRecord(record)).toMatchObject({ problem });
});
