import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { putToyDataset } from '../testing/training.ts';
import { noteHeldOut } from './note-held-out.ts';

const blobs = createBlobStore(createMemoryStore());

async function putToy(heldOut: number) {
  return readDataset(blobs, await putToyDataset(blobs, { heldOut }));
}

test('a dataset without the split val is noted, with what it means for the run', async () => {
  const none = await putToy(0);
  expect(await noteHeldOut(blobs, none, { held_out_pictures: 4, validation: { pictures: 8 } })).toEqual([
    {
      code: 'no_held_out',
      count: 1,
      text:
        'no picture of the dataset is in the split val; run.held_out_pictures draws none; ' +
        'run.validation measures trained pictures alone, and there is no best checkpoint',
      examples: [],
    },
  ]);
  expect(await noteHeldOut(blobs, none, { held_out_pictures: 4 })).toMatchObject([
    { text: 'no picture of the dataset is in the split val; run.held_out_pictures draws none' },
  ]);
});

test('a run that does not use the split, or has pictures of it, is not noted', async () => {
  const none = await putToy(0);
  expect(await noteHeldOut(blobs, none, { held_out_pictures: 0 })).toEqual([]);
  const some = await putToy(2);
  expect(await noteHeldOut(blobs, some, { validation: { pictures: 8 } })).toEqual([]);
});
