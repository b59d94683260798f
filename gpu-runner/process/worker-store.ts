/** @file The store as a worker thread of the gpu-runner opens it. */
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { openSumsFolder } from '../../storage/blobs/sums-memory.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { type OpenOptions, openStore } from '../../storage/open.ts';

/** What the worker is given. */
export interface WorkerStore {
  readonly storeUrl: string;
  /** Has checksums of columns, which the threads share. Absent: each thread makes its own. */
  readonly cacheFolder?: string | undefined;
}

/** @throws what openStore throws. */
export async function openWorkerStore({ storeUrl, cacheFolder }: WorkerStore, options: OpenOptions = {}) {
  const store = await openStore(storeUrl, options);
  const sums = cacheFolder === undefined ? undefined : openSumsFolder(cacheFolder);
  return { store, blobs: createBlobStore(store, LIFETIMES, sums) };
}
