/** @file Says which experiments still hold pictures that were taken out of a dataset, and how each lets them go. */
import { quantity } from '../../configs/quantity.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { compareDatasets } from '../experiments/dataset-changes.ts';
import { listHeads } from '../experiments/experiment-head.ts';
import { MAX_EXAMPLES } from '../notes/notes.ts';

export interface HoldersContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/**
 * A note for each experiment that was made of an earlier version of the dataset with pictures that this one lacks.
 * @param dataset What the name means now.
 */
export async function noteHolders({ store, blobs }: HoldersContext, name: string, dataset: Digest): Promise<Note[]> {
  const notes: Note[] = [];
  for (const { name: experiment, head } of await listHeads(store)) {
    if (head.dataset_name !== name || head.dataset_deleted || head.dataset === dataset) continue;
    const { removed = [] } = (await compareDatasets(blobs, head.dataset, dataset)) ?? {};
    if (removed.length === 0) continue;
    const [them, were] = removed.length === 1 ? ['it', 'was'] : ['them', 'were'];
    const text =
      `the experiment "${experiment}" holds ${quantity(removed.length, 'picture')} that ${were} taken out: ` +
      `gc erases ${them} after POST /experiments/${experiment}/train {"dataset":"${name}"}, which moves it to this ` +
      `version, or DELETE /experiments/${experiment}`;
    const examples = removed.slice(0, MAX_EXAMPLES).map(each => ({ name: each, text: 'taken out' }));
    notes.push({ code: 'held_by_experiment', count: removed.length, text, examples });
  }
  return notes;
}
