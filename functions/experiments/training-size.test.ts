import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { putToyDataset } from '../testing/training.ts';
import { largestOf, readBucketSizes } from './training-size.ts';

const size = (width: number, height: number) => ({ width, height });
const blobs = createBlobStore(createMemoryStore(), LIFETIMES);

test('each size is counted once, commonest first, without removed pictures', async () => {
  const digest = await putToyDataset(blobs, { sizes: [size(16, 32), size(32, 16), size(32, 16), size(8, 8)] });
  const dataset = await readDataset(blobs, digest);
  const sizes = await readBucketSizes(blobs, { ...dataset, removed: ['0000000000000003'] });
  expect(sizes).toEqual([
    { width: 32, height: 16, pictures: 2, train: 2 },
    { width: 16, height: 32, pictures: 1, train: 1 },
  ]);
  expect(largestOf(sizes)).toMatchObject(size(32, 16));
  const { removed: _, ...rest } = dataset;
  const all = (await putDocument(blobs, { ...rest, removed: [] })).digest;
  expect(await readBucketSizes(blobs, await readDataset(blobs, all))).toContainEqual({
    ...size(8, 8),
    pictures: 1,
    train: 1,
  });
});

test('a dataset that counts its sizes is believed', async () => {
  const dataset = await readDataset(blobs, await putToyDataset(blobs));
  const buckets = [{ width: 40, height: 24, pictures: 3, train: 2 }];
  expect(await readBucketSizes(blobs, { ...dataset, buckets })).toEqual(buckets);
});

test('a dataset without pictures is refused', async () => {
  const dataset = await readDataset(blobs, await putToyDataset(blobs));
  await expect(readBucketSizes(blobs, { ...dataset, pages: [] })).rejects.toThrow('the dataset has no pictures');
});
