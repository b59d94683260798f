/**
 * @file The thread that reads training data. The page cache lives here, and large arrays leave without a copy.
 */
import { workerData } from 'node:worker_threads';
import { Internal } from '../../errors.ts';
import { openColumnSource } from '../jobs/column-source.ts';
import type { TrainingSource } from '../training/source.ts';
import type { LoaderProgress, LoaderRequest } from './loader-client.ts';
import { packItems } from './packed-batch.ts';
import { answerCalls, Moved } from './worker-calls.ts';
import { openWorkerStore, type WorkerStore } from './worker-store.ts';

await answerCalls<LoaderRequest>(async () => {
  const { store, blobs } = await openWorkerStore(workerData as WorkerStore, { mayBlock: true });
  let source: TrainingSource | undefined;
  return async (request, tell) => {
    switch (request.op) {
      case 'open':
        source = await openColumnSource(blobs, request.options, (...page) => tell(page satisfies LoaderProgress));
        return source.index;
      case 'load': {
        if (source === undefined) throw new Internal('the loader was asked for items before it was opened');
        const batch = packItems(await source.load(request.positions));
        return new Moved(batch, batch.buffers);
      }
      case 'close':
        return store.close();
    }
  };
});
