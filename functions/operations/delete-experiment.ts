import type { Clock } from '../../storage/clock.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { requireIdle } from '../experiments/require-idle.ts';
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
  await requireIdle({ store, now }, name, 'delete the experiment');
  // The name last: killed before, the same call goes on.
  await deleteView(store, name);
  await createRefs(store).experiments.delete(name);
}
