/** @file Vectors of the captions, to condition on. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { toF16Bits } from '../formats/half.ts';
import { encodeNpy } from '../formats/npy.ts';
import { definePageFunction } from './define.ts';
import { encodeWords, WORDS_ENCODER } from './encoders/words.ts';

export const encodeText = definePageFunction({
  name: 'encode-text',
  summary: 'Encodes each caption into one vector per token, without padding.',
  version: 1,
  needs: ['caption'],
  adds: ['text'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    encoder: z.enum(['words']).default('words').describe('words: vectors of words and their neighbours, built in'),
  }),
  encoders: () => ({ text: { ...WORDS_ENCODER } }),
  async run(_, { items, columns }) {
    const members = new Map<string, Uint8Array>();
    let longest = 0;
    for (const { id, name } of items) {
      const caption = columns.caption?.get(memberName('caption', id));
      if (caption === undefined) {
        throw new Unprocessable(`"${name}" (${id}) has no caption`, { hint: 'run caption over the dataset again' });
      }
      const { tokens, dim, data } = encodeWords(Buffer.from(caption).toString('utf8'));
      longest = Math.max(longest, tokens);
      const halves = Uint16Array.from(data, toF16Bits);
      members.set(memberName('text', id), encodeNpy({ dtype: 'f16', shape: [tokens, dim], data: halves }));
    }
    return { members, stats: { longest } };
  },
});
