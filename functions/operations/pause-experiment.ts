import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead, type Experiment, readConfig } from '../experiments/experiment-head.ts';
import { showHead } from '../views/show-head.ts';

export interface PauseContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/**
 * Stops the training at the next chunk border: the chunk in flight is finished and kept. A failed one stays as it is
 * from now on, whereas a server that starts tries again if there was no runner or no store. @throws NotFound
 */
export async function pauseExperiment({ store, blobs }: PauseContext, name: string): Promise<Experiment> {
  const head = await changeHead(store, name, pause);
  const config = await readConfig(blobs, head);
  await showHead({ store, blobs, name });
  return { head, config };
}

function pause(head: ExperimentHead): ExperimentHead {
  if (head.state !== 'running' && head.state !== 'failed') return head;
  const { problem: _, ...rest } = head;
  return { ...rest, state: 'paused' };
}
