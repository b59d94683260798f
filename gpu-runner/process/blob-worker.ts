/** @file The thread that hashes, writes and reads blobs, so that the engine's thread does none of it. */
import { workerData } from 'node:worker_threads';
import type { BlobStore } from '../../storage/types.ts';
import type { BlobRequest } from './blob-client.ts';
import { answerCalls, Moved } from './worker-calls.ts';
import { openWorkerStore, type WorkerStore } from './worker-store.ts';

await answerCalls<BlobRequest>(async () => {
  const { store, blobs } = await openWorkerStore(workerData as WorkerStore);
  const underWay = new Set<Promise<unknown>>();
  return async request => {
    if (request.op === 'close') {
      await Promise.allSettled(underWay);
      return store.close();
    }
    const work = serve(request, blobs);
    underWay.add(work);
    try {
      return await work;
    } finally {
      underWay.delete(work);
    }
  };

  async function serve(request: Exclude<BlobRequest, { op: 'close' }>, blobs: BlobStore): Promise<unknown> {
    switch (request.op) {
      case 'put':
        return blobs.put(request.bytes, request.mediaType);
      case 'get':
        return move(await blobs.get(request.digest));
      case 'getRange':
        return move(await blobs.getRange(request.digest, request.range));
      case 'sumColumn':
        return blobs.sumColumn(request.digest, request);
      case 'head':
        return blobs.head(request.digest);
      case 'keep':
        return blobs.keep(request.digest);
    }
  }
});

/** A small read may be a view of Node's shared pool, which cannot be transferred, so a copy is. */
function move(bytes: Uint8Array): Moved {
  const copy = new Uint8Array(bytes);
  return new Moved(copy, [copy.buffer]);
}
