import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { changeHead, type Experiment, readConfig } from '../experiments/experiment-head.ts';
import { withoutProblem } from '../experiments/training-state.ts';
import { type ViewSite, viewOf } from '../views/experiment-view.ts';
import { showHead } from '../views/show-head.ts';

/**
 * Stops the training at the next chunk border: the chunk in flight is finished and kept. A failed one stays as it is
 * from now on, whereas a server that starts tries again if there was no runner or no store. @throws NotFound
 */
export async function pauseExperiment(site: ViewSite, name: string): Promise<Experiment> {
  const head = await changeHead(site.store, name, pause);
  const config = await readConfig(site.blobs, head);
  await showHead(viewOf(site, name));
  return { head, config };
}

function pause(head: ExperimentHead): ExperimentHead {
  if (head.state !== 'running' && head.state !== 'failed') return head;
  return { ...withoutProblem(head), state: 'paused' };
}
