import { Conflict } from '../../errors.ts';
import type { Clock } from '../../storage/clock.ts';
import { readLease } from '../../storage/names/lease.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { deleteView } from '../views/experiment-view.ts';

export interface DeleteContext {
  readonly store: ObjectStore;
  readonly now: Clock['now'];
}

/**
 * Deletes the name and the view of an experiment. `gc` deletes the blobs that no other name needs, so branches of the
 * experiment keep theirs.
 * @throws NotFound; Conflict while the experiment is in training.
 */
export async function deleteExperiment({ store, now }: DeleteContext, name: string): Promise<void> {
  const { value: head } = await readHead(store, name);
  const driver = await readLease(store, name, now());
  if (head.state === 'running' || driver) {
    throw new Conflict(`the experiment "${name}" is in training${driver ? ` (by ${driver.holder})` : ''}`, {
      expected: 'an experiment that is not in training',
      hint: `POST /experiments/${name}/pause, then delete the experiment when its chunk has ended`,
      retryAfterSeconds: 5,
    });
  }
  // The name last: killed before, the same call goes on.
  await deleteView(store, name);
  await createRefs(store).experiments.delete(name);
}
