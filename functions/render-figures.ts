/** @file Draws a page of the bundled figures. */
import { z } from 'zod';
import { defineFunction } from './define.ts';
import { checkRange, putDrawnPage, RANGE_ERROR, rangeShape } from './import/drawn-sets.ts';
import { renderFigures } from './import/figure-pages.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';

export const renderFigurePage = defineFunction({
  name: 'render-figures',
  summary: 'Draws figures [from, to) of a seed. Outputs items (JSON Lines), with pictures and joints in one archive.',
  version: 1,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: { seed: 1, size: 64, from: 0, to: 64 },
  input: z.strictObject(rangeShape).refine(checkRange, RANGE_ERROR),
  async run(ctx, { seed, size, from, to }) {
    return putDrawnPage(ctx.blobs, await renderFigures({ seed, size }, from, to));
  },
});
