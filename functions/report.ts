/** @file A dataset on a page for people. */
import { z } from 'zod';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { readDataset } from './lib/documents.ts';
import { IMAGE_TOOLS } from './lib/image.ts';
import { renderReport } from './lib/report-page.ts';
import { pickPictures } from './lib/report-pictures.ts';

export const report = defineFunction({
  name: 'report',
  summary: 'A dataset as one HTML page: counts, splits, columns, some of its pictures, and what was rejected and why.',
  version: 1,
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
    const page = await renderReport(title, dataset, pictures);
    const html = await ctx.blobs.put(Buffer.from(page), 'text/html');
    return { outputs: { html }, stats: { pictures: pictures.length } };
  },
});
