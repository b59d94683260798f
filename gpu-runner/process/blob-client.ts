/** @file The main thread's BlobStore: hashing and disk live in the blob worker, the engine's thread only copies. */
import { Worker } from 'node:worker_threads';
import { rebuildError } from '../../errors-wire.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';
import type { BlobReply, BlobRequest } from './messages.ts';

export interface BlobClient extends BlobStore {
  /** Rejects when the store cannot be opened. */
  readonly ready: Promise<void>;
  /** Waits for what is under way, then ends the worker. */
  close(): Promise<void>;
}

type Unnumbered<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;

/** Starts the worker on a store. `onDeath` is called when the worker ends without having been asked to, once it was ready. */
export function createBlobClient(
  storeUrl: string,
  onDeath: (error: Error) => void,
  entry: URL = new URL('./blob-worker.ts', import.meta.url),
): BlobClient {
  const worker = new Worker(entry, { workerData: { storeUrl } });
  const opened = Promise.withResolvers<unknown>();
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>([[0, opened]]);
  let nextId = 1;
  let isOpen = false;
  const ready = opened.promise.then(() => {
    isOpen = true;
  });
  let closing = false;

  worker.on('message', (reply: BlobReply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(rebuildError(reply.error));
  });
  const die = (error: Error) => {
    if (closing) return;
    closing = true;
    for (const call of pending.values()) call.reject(error);
    pending.clear();
    if (isOpen) onDeath(error);
  };
  worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', code => die(new Error(`the blob worker ended with code ${code}`)));

  function ask(request: Unnumbered<BlobRequest>, transfer: ArrayBuffer[] = []): Promise<unknown> {
    const id = nextId++;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      worker.postMessage({ id, ...request }, transfer);
    });
  }

  return {
    ready,
    async put(bytes, mediaType) {
      // A copy is transferred: the caller keeps its bytes, which may be the engine's own memory and not transferable at all.
      const copy = new Uint8Array(bytes);
      return (await ask({ op: 'put', bytes: copy, mediaType }, [copy.buffer])) as BlobRef;
    },
    get: async digest => (await ask({ op: 'get', digest })) as Uint8Array,
    getRange: async (digest, range) => (await ask({ op: 'getRange', digest, range })) as Uint8Array,
    head: async digest => (await ask({ op: 'head', digest })) as BlobRef | undefined,
    keep: async digest => (await ask({ op: 'keep', digest })) as BlobRef | undefined,
    async close() {
      await ask({ op: 'close' });
      closing = true;
      await worker.terminate();
    },
  };
}
