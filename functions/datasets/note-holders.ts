/** @file Says which experiments still hold pictures that were taken out of a dataset, and how each lets them go. */
import { quantity } from '../../configs/quantity.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
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
    const { removed: missing = [] } = (await compareDatasets(blobs, head.dataset, dataset)) ?? {};
    const leftOut = missing.length === 0 ? undefined : await listLeftOut(blobs, dataset);
    const removed = missing.filter(each => !leftOut?.has(each));
    if (removed.length === 0) continue;
    const [them, were] = removed.length === 1 ? ['it', 'was'] : ['them', 'were'];
    const text =
      `the experiment "${experiment}" holds ${quantity(removed.length, 'picture')} that ${were} taken out: ` +
      `gc erases ${them} after POST /experiments/${experiment}/train {"dataset":"${name}"}, which moves it to this ` +
      `version, or DELETE /experiments/${experiment}; pairs, collages and sheets that may show ${them} go with ` +
      `DELETE /experiments/${experiment}/pictures`;
    const examples = removed.slice(0, MAX_EXAMPLES).map(each => ({ name: each, text: 'taken out' }));
    notes.push({ code: 'held_by_experiment', count: removed.length, text, examples });
  }
  return notes;
}

/** Names of pictures that a rule or a list leaves out: the pages of the dataset have them, and no gc erases them. */
async function listLeftOut(blobs: BlobStore, digest: Digest): Promise<ReadonlySet<string>> {
  const { removed, rejects } = await readDataset(blobs, digest);
  const unseen = new Set(removed);
  return new Set(rejects.flatMap(({ id = '', name }) => (unseen.has(id) ? [name] : [])));
}
