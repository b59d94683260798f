/** @file Writes a page about a dataset, for people. */
import { z } from 'zod';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';
import { pickCrops } from './views/crop-pictures.ts';
import { pickCuration } from './views/curation-pictures.ts';
import { pickPairs } from './views/near-duplicate-pairs.ts';
import { renderReport } from './views/report-page.ts';
import { pickPictures } from './views/report-pictures.ts';

export const report = defineFunction({
  name: 'report',
  summary:
    'Writes one HTML page about a dataset: counts, notes, rejects with reasons, near-duplicates, sizes, splits, ' +
    'columns and some pictures.',
  version: 7,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', title: 'portraits' },
  input: z.strictObject({
    dataset: digestSchema,
    title: z.string().min(1).max(200).default('A dataset').describe('heading of the page'),
  }),
  async run(ctx, { dataset: digest, title }) {
    const dataset = await readDataset(ctx.blobs, digest);
    const pictures = await pickPictures(ctx.blobs, dataset, ctx.signal);
    const pairs = await pickPairs(ctx.blobs, dataset, ctx.signal);
    const crops = await pickCrops(ctx.blobs, dataset, ctx.signal);
    const curation = await pickCuration(ctx.blobs, dataset, ctx.signal);
    const page = await renderReport(title, { dataset, pictures, pairs, crops, curation });
    const html = await ctx.blobs.put(Buffer.from(page), 'text/html');
    return { outputs: { html }, stats: { pictures: pictures.length } };
  },
});
