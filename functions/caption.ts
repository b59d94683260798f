/** @file Writes the caption of each picture. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import type { Item } from '../storage/records.ts';
import { definePageFunction } from './define.ts';

/** Most pictures that an error names. */
const MAX_NAMED = 10;

export const caption = definePageFunction({
  name: 'caption',
  summary: 'Writes the caption of each picture, from its text file or from its bundled set.',
  version: 3,
  needs: [],
  adds: ['caption'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    source: z.enum(['auto']).default('auto').describe('auto: the text that import found beside the picture'),
    missing: z
      .enum(['error', 'empty'])
      .default('error')
      .describe('a picture without a caption is an error that names it, or gets an empty caption and a note'),
  }),
  async run(_, { items }, { missing }) {
    const uncaptioned = items.filter(item => captionOf(item) === '');
    const without = uncaptioned.map(item => item.name);
    if (without.length > 0 && missing === 'error') {
      const named = without.slice(0, MAX_NAMED).join(', ');
      throw new Unprocessable(
        `${without.length} pictures have no caption: ${named}${without.length > MAX_NAMED ? ' ...' : ''}`,
        {
          expected: 'a file name.txt with the caption beside each picture',
          hint: 'add the files and import again; or set missing to "empty" to train on these pictures without text',
          details: { pictures: without },
        },
      );
    }
    const members = items.map(item => [memberName('caption', item.id), Buffer.from(captionOf(item))] as const);
    const noted = uncaptioned.map(({ id, name }) => ({ id, name, amount: 0, text: 'no caption' }));
    return { columns: { caption: new Map(members) }, notes: [{ code: 'caption_missing', items: noted }] };
  },
});

function captionOf({ attributes }: Item): string {
  const text = attributes?.caption;
  return typeof text === 'string' ? text.trim() : '';
}
