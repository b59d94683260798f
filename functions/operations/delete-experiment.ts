import { Conflict } from '../../errors.ts';
import type { Clock } from '../../storage/clock.ts';
import { readLease } from '../../storage/names/lease.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { handDown } from '../experiments/copies-before.ts';
import { changeHead, readHead } from '../experiments/experiment-head.ts';
import { checkIdle } from '../experiments/require-idle.ts';
import { deleteView } from '../views/experiment-view.ts';

export interface DeleteContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly now: Clock['now'];
}

/** Rounds in which a deletion of a run before or after this one changed what is handed down. */
const MAX_ROUNDS = 16;

/**
 * Deletes the name and the view of an experiment. `gc` deletes the blobs that no other name needs, so branches of the
 * experiment keep theirs. What its checks for copies say of them, they have from now on themselves. Killed anywhere,
 * the same call goes on, and so does a server that starts.
 * @throws NotFound; Conflict while the experiment is in training.
 */
export async function deleteExperiment({ store, blobs, now }: DeleteContext, name: string): Promise<void> {
  const driver = await readLease(store, name, now());
  const begin = (head: Awaited<ReturnType<typeof readHead>>['value']) => {
    if (head.deleting) return head;
    checkIdle(name, head, driver, 'delete the experiment');
    return { ...head, deleting: true as const };
  };
  // From here on no run begins with its checkpoints, and no check changes what it says of copies.
  await changeHead(store, name, begin, { whileDeleting: true });
  await deleteView(store, name);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { value: head, etag } = await readHead(store, name);
    const hasChanged = await handDown({ store, blobs }, { name, head }, { isDeleted: true });
    if (hasChanged || (await readHead(store, name)).etag !== etag) continue;
    await createRefs(store).experiments.delete(name);
    return;
  }
  throw new Conflict(`runs that go on from "${name}" are being changed by others all the time`, { hint: 'try again' });
}
