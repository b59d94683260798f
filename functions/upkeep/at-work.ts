/**
 * @file Finds others that work on a store now, as far as the store shows it: drivers of experiments, and posted runs.
 */

import { listAll } from '../../storage/list-all.ts';
import { readLease } from '../../storage/names/lease.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { readVersioned } from '../../storage/names/versioned.ts';
import { runRecordSchema } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';

/** A run whose state is older counts as dead. A live run writes its state every ten seconds. */
const STALE_MS = 60_000;

/**
 * @param now Milliseconds since the epoch.
 * @param except A function whose runs do not count.
 * @returns One sentence for each worker.
 */
export async function findOthersAtWork(store: ObjectStore, now: number, except: string): Promise<string[]> {
  const others: string[] = [];
  for (const name of await createRefs(store).experiments.list()) {
    const lease = await readLease(store, name, now);
    if (lease) others.push(`the experiment ${name} is driven by ${lease.holder}`);
  }
  for await (const { key, lastModified } of listAll(store, 'runs/')) {
    if (!key.endsWith('/state.json') || now - lastModified.getTime() >= STALE_MS) continue;
    const run = (await readVersioned(store, key, runRecordSchema))?.value;
    if (!run || run.function === except || run.state === 'done' || run.state === 'failed') continue;
    others.push(`${run.function} runs (${run.action})`);
  }
  return others;
}
