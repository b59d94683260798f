/**
 * @file Writes functions/shards/testdata/shard-000000.tar, which make-python-reading.py beside it reads: a shard of the
 * small dataset of the tests.
 */
import { writeFile } from 'node:fs/promises';
import { putSmallDataset } from '../functions/shards/testing/small-dataset.ts';
import { createPictureLab } from '../functions/testing/pictures.ts';
import { createRefs } from '../storage/names/refs.ts';

const FILE = 'shard-000000.tar';
const GOLDENS = new URL('../functions/shards/testdata/', import.meta.url);

const { store, blobs, executor } = createPictureLab();
await createRefs(store).datasets.create('small', { v: 1, dataset: await putSmallDataset(blobs) });
await executor.callEffect('shard', { dataset: 'small', pixels: 'float16', text: 'padded' });
const tar = await store.get(`datasets/small/shards/bucket_16x16/${FILE}`);
await writeFile(new URL(FILE, GOLDENS), tar?.body ?? '');
