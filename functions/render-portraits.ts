/** @file Draws a page of the bundled portraits. */
import { z } from 'zod';
import { defineFunction } from './define.ts';
import { checkRange, putDrawnPage, RANGE_ERROR, rangeShape } from './import/drawn-sets.ts';
import { renderPortraits } from './import/portrait-pages.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';

export const renderPortraitPage = defineFunction({
  name: 'render-portraits',
  summary: 'Draws portraits [from, to) of a seed. Outputs items (JSON Lines), with their pictures in one archive.',
  version: 2,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: { seed: 1, size: 64, from: 0, to: 64 },
  input: z
    .strictObject({
      ...rangeShape,
      wording: z.literal('varied').optional().describe('adds captions in varied wording to the one of each picture'),
    })
    .refine(checkRange, RANGE_ERROR),
  async run(ctx, { from, to, ...set }) {
    // Portraits with equal attributes have equal bytes, so two items may share an id. Import keeps the first and
    // reports the other.
    return putDrawnPage(ctx.blobs, await renderPortraits(set, from, to));
  },
});
