/** @file Draws a page of the bundled emoji. */
import { z } from 'zod';
import { EMOJI_SET } from '../configs/set-packages.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { checkRange, putDrawnPage, RANGE_ERROR, rangeShape } from './import/drawn-sets.ts';
import { renderEmoji } from './import/emoji-pages.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';

export const renderEmojiPage = defineFunction({
  name: 'render-emoji',
  summary:
    'Puts emoji [from, to) of a seed on backgrounds. Outputs items (JSON Lines), with their pictures in one archive.',
  version: 1,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  digests: { pictures: 'blob', names: 'blob' },
  example: { seed: 1, size: 64, from: 0, to: 64, ...EMOJI_SET.blobs },
  input: z
    .strictObject({
      ...rangeShape,
      pictures: digestSchema.describe('tar of the npm package @lobehub/fluent-emoji-3d'),
      names: digestSchema.describe('en/data.json of the npm package emojibase-data'),
    })
    .refine(checkRange, RANGE_ERROR),
  async run(ctx, { seed, size, from, to, pictures, names }) {
    const files = { pictures: await ctx.blobs.get(pictures), names: await ctx.blobs.get(names) };
    // The next page needs the files, too.
    return putDrawnPage(ctx.blobs, await renderEmoji(files, { seed, size }, from, to), [pictures, names]);
  },
});
