/** @file The main thread's BlobStore. The blob worker hashes, writes and reads; the engine's thread only copies. */
import type { Digest } from '../../storage/digest.ts';
import type { BlobRef, BlobStore, ByteRange, ColumnSums } from '../../storage/types.ts';
import { createWorkerCalls } from './worker-calls.ts';
import type { WorkerStore } from './worker-store.ts';

export interface BlobClient extends BlobStore {
  /** Rejects when the store cannot be opened. */
  readonly ready: Promise<void>;
  /** Waits for calls that have started, then ends the worker. */
  close(): Promise<void>;
}

export type BlobRequest =
  | { readonly op: 'put'; readonly bytes: Uint8Array; readonly mediaType: string | undefined }
  | { readonly op: 'get'; readonly digest: Digest }
  | { readonly op: 'getRange'; readonly digest: Digest; readonly range: ByteRange }
  | { readonly op: 'sumColumn'; readonly digest: Digest; readonly again: boolean }
  | { readonly op: 'head' | 'keep'; readonly digest: Digest }
  | { readonly op: 'close' };

/** Starts the worker on a store. Calls `onDeath` if the worker, once ready, ends unasked. */
export function createBlobClient(
  store: WorkerStore,
  onDeath: (error: Error) => void,
  entry: URL = new URL('./blob-worker.ts', import.meta.url),
): BlobClient {
  const { opened, ask, terminate } = createWorkerCalls<BlobRequest>('the blob worker', entry, store, onDeath);
  return {
    ready: opened.then(() => {}),
    async put(bytes, mediaType) {
      // Transfers a copy: the caller keeps its bytes, which may be memory of the engine that cannot be transferred.
      const copy = new Uint8Array(bytes);
      return (await ask({ op: 'put', bytes: copy, mediaType }, [copy.buffer])) as BlobRef;
    },
    get: async digest => (await ask({ op: 'get', digest })) as Uint8Array,
    getRange: async (digest, range) => (await ask({ op: 'getRange', digest, range })) as Uint8Array,
    sumColumn: async (digest, { again = false } = {}) => (await ask({ op: 'sumColumn', digest, again })) as ColumnSums,
    head: async digest => (await ask({ op: 'head', digest })) as BlobRef | undefined,
    keep: async digest => (await ask({ op: 'keep', digest })) as BlobRef | undefined,
    async close() {
      await ask({ op: 'close' });
      await terminate();
    },
  };
}
