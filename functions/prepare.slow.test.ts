import { expect, test } from 'vitest';
import { z } from 'zod';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { digestSchema } from '../storage/records.ts';
import type { ObjectStore } from '../storage/types.ts';
import { createPictureLab } from './testing/pictures.ts';

const PORTRAITS = { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 70 };
const answerSchema = z.object({ digest: digestSchema });

/** Returns the digest of the dataset. */
async function prepare(store: ObjectStore) {
  return answerSchema.parse(await createPictureLab({ store }).executor.callEffect('prepare', PORTRAITS)).digest;
}

test('after a kill at any write of prepare, the same call completes to the same dataset', async () => {
  const objects: MemoryObjects = new Map();
  // A kill before the n-th write leaves the first n - 1.
  const left: MemoryObjects[] = [];
  const recorded = interceptStore(createMemoryStore(objects), async ({ operation }, run) => {
    if (operation === 'put') left.push(new Map(objects));
    return run();
  });
  const whole = await prepare(recorded);
  expect(left.length).toBeGreaterThan(40);
  for (let writes = 0; writes < left.length; writes += 3) {
    expect(await prepare(createMemoryStore(left[writes])), `killed after ${writes} writes`).toBe(whole);
  }
});
