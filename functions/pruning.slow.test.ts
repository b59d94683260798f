/** @file The disk that a run takes does not grow with its length, whoever dies on the way and whoever else trains. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCheckpoint } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { openFileStore } from '../storage/drivers/file/file-store.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { interceptStore, type StoreCall } from '../storage/intercept.ts';
import { blobKey } from '../storage/keys.ts';
import { listAll } from '../storage/list-all.ts';
import type { ObjectInfo, ObjectStore } from '../storage/types.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createTrainingLab, TOY_CONFIG } from './testing/training.ts';

const CHUNKS = 20;
const EARLY = 5;
/** Three manifests say step, samples and position in one digit more than early ones. */
const MORE_DIGITS = 9;
const BATCH = 8;
/** Chunks of one step, without previews. */
const CONFIG = {
  ...TOY_CONFIG,
  optimizer: { total_samples: CHUNKS * BATCH, warmup_samples: 0 },
  run: { chunk_steps: 1, keep: 2, preview: { prompts: [] } },
};

interface Disk {
  /** Blobs but the logs and records of chunks. */
  readonly blobs: number;
  readonly bytes: number;
  /** Results of chunks. */
  readonly results: number;
  readonly runs: number;
  readonly leases: number;
}

async function measure(store: ObjectStore): Promise<Disk> {
  const { chunks } = (await readHead(store, 'toy')).value;
  const logs = new Set(chunks.flatMap(({ log, record = log }) => [log, record].map(blobKey)));
  const list = async (prefix: string) => {
    const found: ObjectInfo[] = [];
    for await (const info of listAll(store, prefix)) if (!logs.has(info.key)) found.push(info);
    return found;
  };
  const blobs = await list('cas/');
  return {
    blobs: blobs.length,
    bytes: blobs.reduce((sum, { size }) => sum + size, 0),
    results: (await list('actions/train-chunk/')).length,
    runs: (await list('runs/')).length,
    leases: (await list('leases/')).length,
  };
}

/** Locks, temporary files, types and versions of objects that are no logs or records. */
async function countInternal(store: ObjectStore, folder: string): Promise<number> {
  const files = await readdir(join(folder, '.easel'), { recursive: true, withFileTypes: true });
  // Of each log: the type of the blob, and the version of its copy in the view. Of each record: the type.
  const ofLogs = 3 * (await readHead(store, 'toy')).value.chunks.length;
  return files.filter(file => !file.isDirectory()).length - ofLogs;
}

async function trainTo(store: ObjectStore, chunks: number): Promise<void> {
  await createTrainingLab(store).executor.callEffect('train', { experiment: 'toy', target: chunks * BATCH });
}

test('after 20 chunks it is what it was after 5, but for the logs and records', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-pruning-'));
  const store = await openFileStore(folder);
  await createTrainingLab(store).create('toy', CONFIG);
  await trainTo(store, EARLY);
  const early = await measure(store);
  const internal = await countInternal(store, folder);
  // The dataset, its page and columns, its lineage, two configs, and 3 checkpoints of 3 tensors each.
  expect(early).toMatchObject({ blobs: 6 + 1 + 2 + 3 * 4, results: 3, leases: 1 });
  await trainTo(store, CHUNKS);
  expect(await measure(store)).toEqual({ ...early, bytes: early.bytes + MORE_DIGITS });
  expect(await countInternal(store, folder)).toBe(internal);
  expect((await readHead(store, 'toy')).value.chunks).toHaveLength(CHUNKS);
  await store.close();
  await rm(folder, { recursive: true });
});

test('killed again and again in the middle of prunes, it still is', async () => {
  const store = createMemoryStore();
  await createTrainingLab(store).create('toy', CONFIG);
  await trainTo(store, EARLY);
  const early = await measure(store);
  let kills = 0;
  for (let chunk = EARLY + 1; chunk <= CHUNKS; chunk++) {
    // Before its first, second, ... fifth deletion: the file, the result, tensors, the manifest.
    await trainTo(dieAtDeletion(store, 1 + (chunk % 5)), chunk).catch(() => kills++);
    await store.delete('leases/experiments/toy.json');
  }
  expect(kills).toBe(CHUNKS - EARLY);
  await trainTo(store, CHUNKS);
  expect(await measure(store)).toEqual({ ...early, bytes: early.bytes + MORE_DIGITS });
});

/** As a process that is killed before its n-th deletion of a checkpoint's parts. */
function dieAtDeletion(living: ObjectStore, n: number): ObjectStore {
  let deletions = 0;
  let dead = false;
  return interceptStore(living, async ({ operation }: StoreCall, run) => {
    if (operation === 'delete' && ++deletions === n) dead = true;
    if (dead) throw new Error('killed');
    return run();
  });
}

test('no manifest of another experiment is read twice', async () => {
  const memory = createMemoryStore();
  const others = createTrainingLab(memory);
  for (let i = 0; i < 10; i++) {
    await others.create(`other-${i}`, { ...CONFIG, seed: i + 1, optimizer: { total_samples: 16, warmup_samples: 0 } });
    await others.executor.callEffect('train', { experiment: `other-${i}` });
  }
  const foreign = new Set<Digest>();
  for (let i = 0; i < 10; i++) {
    for (const { checkpoint } of (await readHead(memory, `other-${i}`)).value.history) foreign.add(checkpoint);
  }
  expect(foreign.size).toBe(20);
  const reads = new Map<string, number>();
  const keys = new Set([...foreign].map(blobKey));
  const counted = interceptStore(memory, async ({ operation, key }, run) => {
    if (operation === 'get' && keys.has(key)) reads.set(key, (reads.get(key) ?? 0) + 1);
    return run();
  });
  const lab = createTrainingLab(counted);
  await lab.create('toy', CONFIG);
  await lab.executor.callEffect('train', { experiment: 'toy' });
  expect([...reads.values()]).toEqual(Array.from({ length: 20 }, () => 1));
});

test('what another experiment keeps is not pruned', async () => {
  const lab = createTrainingLab();
  await lab.create('toy', CONFIG);
  await lab.create('twin', { ...CONFIG, run: { ...CONFIG.run, keep: CHUNKS } });
  await lab.executor.callEffect('train', { experiment: 'twin', target: 10 * BATCH });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 10 * BATCH });
  const { store: memory, blobs } = lab;
  const { history } = (await readHead(memory, 'twin')).value;
  expect(history).toHaveLength(10);
  for (const { checkpoint } of history) {
    for (const link of (await readCheckpoint(blobs, checkpoint)).links) expect(await blobs.head(link)).toBeDefined();
  }
});
