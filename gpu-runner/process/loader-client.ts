/** @file The main thread's TrainingSource. A worker reads and cuts the columns while the engine blocks this thread. */
import type { ColumnSourceOptions } from '../jobs/column-source.ts';
import type { JobContext } from '../jobs/context.ts';
import type { SourceIndex, TrainingSource } from '../training/source.ts';
import { type PackedBatch, unpackItems } from './packed-batch.ts';
import { createWorkerCalls } from './worker-calls.ts';
import type { WorkerStore } from './worker-store.ts';

export type LoaderRequest =
  | { readonly op: 'open'; readonly options: ColumnSourceOptions }
  | { readonly op: 'load'; readonly positions: readonly number[] }
  | { readonly op: 'close' };

/** What the loader tells while it opens a source: pages done, of all. */
export type LoaderProgress = readonly [done: number, total: number];

/** Opens sources for jobs, with a worker each; closes those that jobs left open. */
export function createLoaders(store: WorkerStore, budgetBytes: number, onDeath: (error: Error) => void) {
  const opened = new Set<TrainingSource>();
  const open: JobContext['openSource'] = async (options, onPage) => {
    const loader = await openLoader(store, { ...options, budgetBytes }, onPage, onDeath);
    const source: TrainingSource = {
      ...loader,
      close() {
        opened.delete(source);
        return loader.close();
      },
    };
    opened.add(source);
    return source;
  };
  return {
    open,
    async close() {
      for (const source of [...opened]) await source.close();
    },
  };
}

/**
 * Starts a worker that reads the dataset's columns from the store.
 * @param onDeath Called when the worker ends without having been asked to.
 * @throws what openColumnSource throws.
 */
async function openLoader(
  store: WorkerStore,
  options: ColumnSourceOptions,
  onPage: (done: number, total: number) => void,
  onDeath: (error: Error) => void,
): Promise<TrainingSource> {
  const entry = new URL('./loader-worker.ts', import.meta.url);
  const calls = createWorkerCalls<LoaderRequest>('the loader worker', entry, store, onDeath);
  try {
    await calls.opened;
    const onTold = (told: unknown) => onPage(...(told as LoaderProgress));
    const index = (await calls.ask({ op: 'open', options }, [], onTold)) as SourceIndex;
    return {
      index,
      load: async positions => unpackItems((await calls.ask({ op: 'load', positions })) as PackedBatch),
      async close() {
        await calls.ask({ op: 'close' });
        await calls.terminate();
      },
    };
  } catch (error) {
    await calls.terminate();
    throw error;
  }
}
