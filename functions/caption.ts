/** @file Writes the caption of each picture. */

import { z } from 'zod';
import { memberName, variantId } from '../configs/signals.ts';
import { definePageFunction } from './define.ts';
import { captionOf, captionsOf, refuseUncaptioned } from './import/refuse-uncaptioned.ts';

export const caption = definePageFunction({
  name: 'caption',
  summary: 'Writes the captions of each picture, from the texts that import read or from its bundled set.',
  version: 4,
  needs: [],
  adds: ['caption'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    source: z.enum(['auto']).default('auto').describe('auto: the caption that import found'),
    missing: z
      .enum(['error', 'empty'])
      .default('error')
      .describe('a picture without a caption is an error that names it, or gets an empty caption and a note'),
  }),
  async check({ blobs }, dataset, { missing }) {
    if (missing === 'error') await refuseUncaptioned(blobs, dataset, 'missing');
  },
  async run(_, { items }) {
    const members = items.flatMap(item =>
      captionsOf(item).map((text, i) => {
        const id = i === 0 ? item.id : variantId(item.id, i);
        return [memberName('caption', id), Buffer.from(text)] as const;
      }),
    );
    const uncaptioned = items.filter(item => captionOf(item) === '');
    const noted = uncaptioned.map(({ id, name }) => ({ id, name, amount: 0, text: 'no caption' }));
    return { columns: { caption: new Map(members) }, notes: [{ code: 'caption_missing', items: noted }] };
  },
});
