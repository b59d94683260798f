/** @file The thread that hashes, writes and reads blobs, so that the engine's thread does none of it. */
import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '../../errors-wire.ts';
import { createBlobStore } from '../../storage/cas.ts';
import { openStore } from '../../storage/open.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import type { BlobReply, BlobRequest } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('blob-worker.ts runs as a worker of the gpu-runner');
const { storeUrl }: { readonly storeUrl: string } = workerData;

const underWay = new Set<Promise<void>>();

/** Request 0 is the opening of the store. When that fails the answer says so, and the thread ends, since nothing keeps it. */
try {
  const store = await openStore(storeUrl);
  listen(store, createBlobStore(store));
  reply({ id: 0, ok: true, value: undefined });
} catch (error) {
  // Not thrown: as an event of its own it could overtake the answer, which alone has the error's class.
  reply({ id: 0, ok: false, error: describeError(error) });
}

function listen(store: ObjectStore, blobs: BlobStore): void {
  port?.on('message', (request: BlobRequest) => {
    const done = answer(request, store, blobs);
    if (request.op === 'close') return;
    underWay.add(done);
    void done.finally(() => underWay.delete(done));
  });
}

async function answer(request: BlobRequest, store: ObjectStore, blobs: BlobStore): Promise<void> {
  try {
    const value = await serve(request, store, blobs);
    // A small read may be a view into Node's shared pool: only a copy can be transferred.
    const bytes = value instanceof Uint8Array ? new Uint8Array(value) : undefined;
    reply({ id: request.id, ok: true, value: bytes ?? value }, bytes === undefined ? [] : [bytes.buffer]);
  } catch (error) {
    reply({ id: request.id, ok: false, error: describeError(error) });
  }
}

async function serve(request: BlobRequest, store: ObjectStore, blobs: BlobStore): Promise<unknown> {
  switch (request.op) {
    case 'put':
      return await blobs.put(request.bytes, request.mediaType);
    case 'get':
      return await blobs.get(request.digest);
    case 'getRange':
      return await blobs.getRange(request.digest, request.range);
    case 'head':
      return await blobs.head(request.digest);
    case 'keep':
      return await blobs.keep(request.digest);
    case 'close':
      await Promise.all(underWay);
      return await store.close();
  }
}

function reply(message: BlobReply, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}
