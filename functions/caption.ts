/** @file The text of each picture. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import type { Item } from '../storage/records.ts';
import { definePageFunction } from './define.ts';

/** Names in an error; the count is of all. */
const MAX_NAMED = 10;

export const caption = definePageFunction({
  name: 'caption',
  summary: 'Writes the caption of each picture: from its sidecar file, or from the bundled set that it comes from.',
  version: 1,
  needs: [],
  adds: ['caption'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    source: z.enum(['auto']).default('auto').describe('auto: what import found beside the picture'),
    missing: z
      .enum(['error', 'empty'])
      .default('error')
      .describe('a picture without a caption: an error that names it, or an empty text, reported in stats'),
  }),
  async run(_, { items }, { missing }) {
    const without = items.filter(item => captionOf(item) === '').map(item => item.name);
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
    return { members: new Map(members), stats: { missing: without } };
  },
});

function captionOf({ attributes }: Item): string {
  const text = attributes?.caption;
  return typeof text === 'string' ? text.trim() : '';
}
