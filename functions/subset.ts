/** @file A dataset with some of the pictures of another one, for comparisons on a fixed number of them. */
import { z } from 'zod';
import { LARGEST_PLAIN_SEED, MOST_PICTURES } from '../configs/bounds.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { mapBounded } from '../storage/map-bounded.ts';
import { type Dataset, digestSchema, type Item } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { chooseSubset } from './datasets/choose-subset.ts';
import { defineFunction } from './define.ts';
import { readBucketSizes } from './experiments/training-size.ts';

/** Pages read at once. */
const WIDTH = 8;
export const subset = defineFunction({
  name: 'subset',
  summary:
    'Makes a dataset with a fixed number of the pictures that another one trains on, and all that it holds out. The ' +
    'pages stay the same, so nothing is copied.',
  version: 1,
  kind: 'pure',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', size: 7000 },
  input: z.strictObject({
    dataset: digestSchema,
    size: z.int().min(1).max(MOST_PICTURES).describe('pictures of the split train to keep'),
    seed: z.int().min(0).max(LARGEST_PLAIN_SEED).default(0).describe('another seed chooses other pictures'),
  }),
  async run(ctx, { dataset: digest, size, seed }) {
    const dataset = await readDataset(ctx.blobs, digest);
    if (dataset.sets !== undefined) {
      throw new Unprocessable('the dataset is a mixture of several data sets', {
        expected: 'one data set',
        hint: 'make a subset of each, and mix these',
      });
    }
    const items = await readPresent(ctx.blobs, dataset, ctx.signal);
    const trained = items.flat().filter(({ split }) => split === 'train');
    const kept = chooseSubset(
      trained.map(({ id }) => id),
      size,
      seed,
    );
    const left = new Set(trained.flatMap(({ id }) => (kept.has(id) ? [] : [id])));
    const made: Dataset = {
      ...dataset,
      removed: [...dataset.removed, ...left],
      counts: countSplits(dataset.counts, items.flat(), left),
    };
    // What they count would be pictures of the whole dataset.
    const { buckets, notes: _, ...plain } = made;
    const sizes = buckets && { buckets: [...(await readBucketSizes(ctx.blobs, plain))] };
    const ref = await putDocument(ctx.blobs, { ...plain, ...sizes });
    return {
      outputs: { dataset: ref },
      links: dataset.links,
      stats: { pictures: trained.length, kept: kept.size, left_out: left.size },
    };
  },
});

/** Items by page, without removed ones. */
async function readPresent(blobs: BlobStore, { pages, removed }: Dataset, signal: AbortSignal): Promise<Item[][]> {
  const gone = new Set(removed);
  return mapBounded(pages, { width: WIDTH, signal }, async page =>
    (await readItems(blobs, page)).filter(({ id }) => !gone.has(id)),
  );
}

function countSplits(counts: Dataset['counts'], items: readonly Item[], left: ReadonlySet<string>): Dataset['counts'] {
  const present = items.filter(({ id }) => !left.has(id));
  const of = (name: string) => present.filter(({ split }) => split === name).length;
  return { ...counts, pictures: present.length, train: of('train'), val: of('val'), test: of('test') };
}
