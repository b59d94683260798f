/**
 * @file A run that begins with a checkpoint of another one takes its name first, and sees then that the other one still
 * keeps the checkpoint. In between it is `unsettled`: whatever was killed there, nobody goes on from a run whose origin
 * may be unknown.
 */
import { Conflict } from '../../errors.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKeptDigests } from '../../storage/list-kept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { changeHead, refuseDeleting } from './experiment-head.ts';

/**
 * Settles the run if the other one keeps the checkpoint: then nothing pruned it before this one kept it, and a deletion
 * of the other one finds this one. Otherwise deletes this one, unless another call has settled it.
 * @returns The head, settled. @throws Conflict
 */
export async function settleOrigin(store: ObjectStore, name: string, head: ExperimentHead): Promise<ExperimentHead> {
  const { branched_from, init_from } = head;
  const origin = branched_from ?? init_from;
  if (!head.unsettled || origin === undefined) return head;
  const { experiments } = createRefs(store);
  const other = (await experiments.read(origin.experiment))?.value;
  const isKept = other !== undefined && !other.deleting && listKeptDigests(other).includes(origin.checkpoint);
  // A branch is on the data of the other one.
  const hasData = !branched_from || (other?.dataset === head.dataset && !other.dataset_deleted);
  const change = (now: ExperimentHead): ExperimentHead => {
    if (!now.unsettled || now.deleting) return now;
    const { unsettled: _, ...settled } = now;
    return isKept && hasData ? settled : { ...now, deleting: true };
  };
  const settled = await changeHead(store, name, change, { whileDeleting: true });
  if (!settled.deleting) return settled;
  await experiments.delete(name);
  throw new Conflict(`the experiment "${origin.experiment}" let step ${origin.step} go while "${name}" was created`, {
    hint: 'call again: the answer names the steps that are kept',
    retryAfterSeconds: 1,
  });
}

/**
 * A run that is there, as calls go on from it: what a killed call has left to do, this one does.
 * @returns The head, settled. @throws Conflict, also while the run is being deleted.
 */
export async function settleStaying(store: ObjectStore, name: string, head: ExperimentHead): Promise<ExperimentHead> {
  const settled = await settleOrigin(store, name, head);
  refuseDeleting(name, settled);
  return settled;
}
