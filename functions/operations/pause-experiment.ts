import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead, type Experiment, readConfig } from '../experiments/experiment-head.ts';
import { showHead } from '../views/show-head.ts';

export interface PauseContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/** Stops the training at the next chunk border: the chunk in flight is finished and kept. @throws NotFound */
export async function pauseExperiment({ store, blobs }: PauseContext, name: string): Promise<Experiment> {
  const head = await changeHead(store, name, now => (now.state === 'running' ? { ...now, state: 'paused' } : now));
  const config = await readConfig(blobs, head);
  await showHead({ store, blobs, name }, config);
  return { head, config };
}
