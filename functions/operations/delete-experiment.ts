import type { Clock } from '../../storage/clock.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { handDown } from '../experiments/copies-before.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { requireIdle } from '../experiments/require-idle.ts';
import { deleteView } from '../views/experiment-view.ts';

export interface DeleteContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly now: Clock['now'];
}

/** Verdicts that come meanwhile before a deletion no longer waits for another. */
const MAX_ROUNDS = 8;

/**
 * Deletes the name and the view of an experiment. `gc` deletes the blobs that no other name needs, so branches of the
 * experiment keep theirs. What its checks for copies say of them, they have from now on themselves.
 * @throws NotFound; Conflict while the experiment is in training.
 */
export async function deleteExperiment({ store, blobs, now }: DeleteContext, name: string): Promise<void> {
  await requireIdle({ store, now }, name, 'delete the experiment');
  // The name last: killed before, the same call goes on.
  await deleteView(store, name);
  const { experiments } = createRefs(store);
  let parent = await readHead(store, name);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    await handDown({ store, blobs }, { name, head: parent.value }, { isDeleted: true });
    const current = await experiments.read(name);
    if (current === undefined || current.etag === parent.etag) break;
    parent = current;
  }
  await experiments.delete(name);
  // A branch that was created meanwhile was kept because the name was there.
  await handDown({ store, blobs }, { name, head: parent.value }, { isDeleted: true });
}
