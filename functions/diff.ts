/** @file Compares two datasets: pictures added, removed and replaced, captions, splits and pixels changed. */
import { z } from 'zod';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { comparePictures } from './datasets/compare-pictures.ts';
import { defineFunction } from './define.ts';

export const diff = defineFunction({
  name: 'diff',
  summary:
    'Compares two datasets picture by picture: added, removed, replaced, renamed; captions, splits and pixels changed.',
  version: 1,
  kind: 'pure',
  digests: { dataset: 'dataset', against: 'dataset' },
  example: { dataset: 'portraits', against: 'portraits' },
  input: z.strictObject({
    dataset: digestSchema.describe('the earlier dataset'),
    against: digestSchema.describe('the later dataset'),
    pixels: z.boolean().default(true).describe('whether pixels are compared, which reads pictures of other pages'),
  }),
  async run(ctx, { dataset, against, pixels }) {
    const [before, now] = [await readDataset(ctx.blobs, dataset), await readDataset(ctx.blobs, against)];
    const made = await comparePictures(ctx, before, now, pixels);
    const document = { ...made, counts: { ...made.counts }, changes: made.changes.map(change => ({ ...change })) };
    const ref = await putDocument(ctx.blobs, document);
    return { outputs: { diff: ref }, stats: { counts: document.counts, same: made.same } };
  },
});
