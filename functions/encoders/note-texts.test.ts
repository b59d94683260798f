import { expect, test } from 'vitest';
import type { Conditions } from '../../configs/signals.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { addUpNotes } from '../notes/notes.ts';
import { noteCaptions, notePrompts } from './note-texts.ts';
import { encodeWords } from './words.ts';

const blobs = createBlobStore(createMemoryStore());
const LONG = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ');
const conditions: Conditions = {
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64 },
};

test('captions beyond the limit of the encoder and captions without a word are noted, the longest first', () => {
  const captions = { a: 'short', b: LONG, c: `${LONG} and more`, d: '🦊 ...', e: '', f: 'word '.repeat(64) };
  const noted = noteCaptions({
    encoder: 'words',
    options: {},
    items: Object.keys(captions).map(id => ({ id, name: `${id}.png` })),
    members: new Map(Object.entries(captions).map(([id, text]) => [`${id}.txt`, Buffer.from(text)])),
  });
  expect(addUpNotes(noted)).toEqual([
    {
      code: 'caption_cut',
      count: 2,
      text: '2 captions are longer than the 64 words that the encoder words reads; the rest is left out',
      examples: [
        { name: 'c.png', text: '202 words, 64 used' },
        { name: 'b.png', text: '200 words, 64 used' },
      ],
    },
    {
      code: 'caption_unread',
      count: 1,
      text: '1 caption has no word that the encoder words reads',
      examples: [{ name: 'd.png', text: 'no word in it' }],
    },
  ]);
});

test('the words that a note says are used are those that decide the numbers', () => {
  const [first, other] = [`${LONG} red`, `${LONG} blue`].map(text => encodeWords(text).data);
  expect(first).toEqual(other);
  const [last, otherLast] = ['red', 'blue'].map(word => encodeWords('word '.repeat(63) + word).data);
  expect(last).not.toEqual(otherLast);
});

test('prompts are noted under the names that their callers know; fitting ones are not', async () => {
  const told = async (given: Parameters<typeof notePrompts>[2]) =>
    addUpNotes(await notePrompts(blobs, conditions, given)).map(({ code, examples }) => [
      code,
      ...examples.map(({ name }) => name),
    ]);
  expect(await told({ prompts: [LONG], negative: LONG })).toEqual([['prompt_cut', 'prompt', 'negative_prompt']]);
  expect(await told({ prompts: ['short', LONG, '!'] })).toEqual([
    ['prompt_cut', 'prompt 2'],
    ['prompt_unread', 'prompt 3'],
  ]);
  expect(await told({ prompts: ['short', ' '], negative: '' })).toEqual([]);
});

test('a prompt is not noted for an encoder that the model does not have', async () => {
  expect(await notePrompts(blobs, { cls: { encoder: 'dct', dim: 64 } }, { prompts: [LONG] })).toEqual([]);
});
