/** @file Operations whose process is killed at any access to the store. */
import { expect } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { createTrainingLab, listKeys, type TrainingLab } from './training.ts';

/** From the n-th operation on, nothing is done (`before`), or that one is done, and nothing is answered (`after`). */
export function dieAt(living: ObjectStore, n: number, moment: 'before' | 'after'): ObjectStore {
  let count = 0;
  return interceptStore(living, async (_, run) => {
    count++;
    if (count === n && moment === 'after') await run();
    if (count >= n) throw new Error('killed');
    return run();
  });
}

/** From the n-th write on, nothing is done: the process is gone. */
export function dieAtWrite(living: ObjectStore, n: number): ObjectStore {
  let writes = 0;
  return interceptStore(living, async ({ operation }, run) => {
    if (operation === 'put' || operation === 'copy' || operation === 'delete') writes++;
    if (writes >= n) throw new Error('killed');
    return run();
  });
}

/** Everything that lasts: names, views, blobs. */
async function readStore(store: ObjectStore): Promise<Record<string, string>> {
  const keys = (await listKeys(store, '')).filter(key => /^(refs|experiments|datasets|cas)\//.test(key));
  const bodies = await Promise.all(keys.map(key => store.get(key)));
  return Object.fromEntries(keys.map((key, i) => [key, digestOf(bodies[i]?.body ?? '')]));
}

/**
 * Kills an operation at every point and calls it again. Expects the store that the undisturbed operation leaves.
 * @param objects A store before the operation. @returns The number of kills.
 */
export async function expectRepeatable(
  objects: MemoryObjects,
  operate: (lab: TrainingLab) => Promise<unknown>,
  openLab: (store: ObjectStore) => TrainingLab = createTrainingLab,
): Promise<number> {
  const undisturbed = createMemoryStore(new Map(objects));
  await operate(openLab(undisturbed));
  const expected = await readStore(undisturbed);
  let kills = 0;
  for (const moment of ['before', 'after'] as const) {
    for (let n = 1; ; n++) {
      const store = createMemoryStore(new Map(objects));
      const died = await operate(openLab(dieAt(store, n, moment))).then(
        () => false,
        () => true,
      );
      if (!died) break;
      kills++;
      // The lease of a dead holder expires.
      for (const key of await listKeys(store, 'leases/')) await store.delete(key);
      await operate(openLab(store));
      expect(await readStore(store), `killed ${moment} operation ${n}`).toEqual(expected);
    }
  }
  return kills;
}
