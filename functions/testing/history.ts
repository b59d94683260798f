/** @file What must hold of an experiment whatever was killed, paused or done twice. */
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { ObjectStore, StoredObject } from '../../storage/types.ts';
import { readChunks } from '../experiments/chunk-pages.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { rebuildView } from '../views/rebuild-experiment-view.ts';
import { listKeys } from './training.ts';

export interface History {
  /** Where the first chunk starts: 0, but for a branch. */
  readonly start?: number;
  /** Optimizer steps taken. */
  readonly step: number;
  readonly chunks: readonly { readonly from: number; readonly to: number }[];
  /** Steps of the checkpoints that are kept. */
  readonly kept: readonly number[];
}

/** What is wrong with a history, in words; nothing when it is one line of chunks from its start to its step. */
export function findHistoryFaults({ start = 0, step, chunks, kept }: History): string[] {
  const faults: string[] = [];
  let reached = start;
  for (const { from, to } of chunks) {
    if (from !== reached) faults.push(`the chunk [${from}, ${to}) follows step ${reached}`);
    if (to <= from) faults.push(`the chunk [${from}, ${to}) is empty`);
    reached = to;
  }
  if (reached !== step) faults.push(`the chunks end at ${reached}, the experiment is at ${step}`);
  const borders = new Set([start, ...chunks.map(chunk => chunk.to)]);
  kept.forEach((at, i) => {
    if (!borders.has(at)) faults.push(`no chunk ends at the checkpoint of step ${at}`);
    if (at <= (kept[i - 1] ?? 0)) faults.push(`the checkpoint of step ${at} comes after that of step ${kept[i - 1]}`);
  });
  if ((kept.at(-1) ?? 0) !== step) faults.push(`the newest checkpoint is of step ${kept.at(-1)}, not ${step}`);
  return faults;
}

/** The digest of an object. The README of a view counts without the address of the server that wrote it. */
export function digestWithoutAddress({ key, body }: StoredObject): Digest {
  if (!key.endsWith('/README.md')) return digestOf(body);
  return digestOf(
    Buffer.from(body)
      .toString()
      .replace(/^Go on: .*$/m, ''),
  );
}

/** Faults of an experiment in a store: those of its head, and differences between its head and its view. */
export async function findExperimentFaults(store: ObjectStore, name: string): Promise<string[]> {
  const { value: head } = await readHead(store, name);
  const step = head.history.at(-1)?.step ?? 0;
  const faults = findHistoryFaults({
    start: head.branched_from?.step ?? 0,
    step,
    chunks: await readChunks(createBlobStore(store), head),
    kept: head.history.map(kept => kept.step),
  });
  if (head.checkpoint !== head.history.at(-1)?.checkpoint) faults.push('the head is not its newest checkpoint');
  const prefix = `experiments/${name}/`;
  const expected = createMemoryStore();
  for (const key of await listKeys(store, '')) {
    const stored = key.startsWith(prefix) ? undefined : await store.get(key);
    if (stored) await expected.put(key, stored.body);
  }
  await rebuildView({ store: expected, blobs: createBlobStore(expected), name });
  for (const key of new Set([...(await listKeys(store, prefix)), ...(await listKeys(expected, prefix))])) {
    const [shown, right] = [await store.get(key), await expected.get(key)];
    if (!right) faults.push(`${key} is shown and should not be`);
    else if (!shown) faults.push(`${key} is not shown`);
    else if (digestWithoutAddress(shown) !== digestWithoutAddress(right)) faults.push(`${key} shows other bytes`);
  }
  return faults;
}
