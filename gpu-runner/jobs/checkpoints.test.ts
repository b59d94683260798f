import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { BlobStore } from '../../storage/types.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { loadWeights, saveCheckpoint } from './checkpoints.ts';

test('a checkpoint is written with one group of tensors in memory at a time', async () => {
  const store = createBlobStore(createMemoryStore());
  const config = tinyConfig();
  const { digest } = await putDocument(store, config);
  const events: string[] = [];
  const blobs: BlobStore = {
    ...store,
    put(bytes, mediaType) {
      events.push('put');
      return store.put(bytes, mediaType);
    },
  };
  const read = async (group: string) => {
    events.push(group);
    return { w: tensorOf([1], [1]), fixed: tensorOf([1], [2]) };
  };
  const progress = { step: 1, samples: 1, cursor: { epoch: 0, position: 0 } };
  const { ref } = await saveCheckpoint(blobs, progress, read, digest, 0, new Set(['fixed']));
  expect(events).toEqual(['model', 'put', 'put', 'optimizer', 'put', 'ema', 'put', 'put']);
  const { tensors } = await readCheckpoint(store, ref.digest);
  expect([tensors.model.length, tensors.optimizer.length, tensors.ema.length]).toEqual([2, 1, 1]);
});

test('weights are those of the last step, one of the averages, or a sum of averages of several checkpoints', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const config = tinyConfig();
  const { digest } = await putDocument(blobs, config);
  const save = async (step: number) => {
    const of = (x: number) => tensorOf([2], [x, step]);
    const tensors = { model: { w: of(1) }, optimizer: {}, ema: { '0.w': of(10), '1.w': of(20) } };
    const progress = { step, samples: step, cursor: { epoch: 0, position: 0 } };
    return (await saveCheckpoint(blobs, progress, async group => tensors[group], digest, 0)).ref.digest;
  };
  const [early, late] = [await save(1), await save(2)];
  const checkpoint = await readCheckpoint(blobs, late);
  const load = async (choice: Parameters<typeof loadWeights>[3]) =>
    Array.from((await loadWeights(blobs, checkpoint, config, choice)).w?.data ?? []);
  expect(await load('raw')).toEqual([1, 2]);
  expect(await load('ema')).toEqual([10, 2]);
  expect(await load({ average: 1 })).toEqual([20, 2]);
  const traces = [
    { checkpoint: early, average: 0, factor: 2 },
    { checkpoint: late, average: 1, factor: -0.5 },
    { checkpoint: late, average: 0, factor: -0.5 },
  ];
  expect(await load({ traces })).toEqual([2 * 10 - 0.5 * 30, 2 - 2]);
  await expect(load({ average: 2 })).rejects.toThrow('the checkpoint has no average 2');
});
