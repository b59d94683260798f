/** @file Says of an experiment that its dataset was prepared again since. */
import { AppError } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Dataset, Note } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { MAX_EXAMPLES } from '../notes/notes.ts';
import { compareDatasets, countChanges, describeChanges, listChanges } from './dataset-changes.ts';

export interface NotesContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/** Says that the name of the dataset means something newer, what differs, and which call takes it up. */
export async function noteNewerDataset(
  { store, blobs }: NotesContext,
  name: string,
  head: ExperimentHead,
): Promise<Note[]> {
  const { dataset, dataset_name: called, dataset_deleted: isDeleted } = head;
  if (isDeleted) return [];
  if (called !== undefined) return noteNewer({ store, blobs }, name, called, dataset);
  const sets = (await readSets(blobs, dataset)) ?? [];
  const notes = await Promise.all(sets.map(set => noteNewer({ store, blobs }, name, set.name, set.dataset)));
  return notes.flat();
}

/** The data sets of a training on several; undefined for one set, or when the document cannot be read. */
async function readSets(blobs: BlobStore, dataset: Digest): Promise<Dataset['sets']> {
  try {
    return (await readDataset(blobs, dataset)).sets;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** @param called Name or digest of a dataset. */
async function noteNewer(
  { store, blobs }: NotesContext,
  name: string,
  called: string,
  dataset: Digest,
): Promise<Note[]> {
  const now = isDigest(called) ? undefined : (await createRefs(store).datasets.read(called))?.value.dataset;
  if (now === undefined || now === dataset) return [];
  const changes = await compareDatasets(blobs, dataset, now);
  const count = changes ? countChanges(changes) : 1;
  if (count === 0) return [];
  const what = changes ? describeChanges(changes) : 'what differs is not known, since the earlier one is not complete';
  const text =
    `the dataset "${called}" was prepared again since, and this is the earlier one: ${what}; ` +
    `POST /experiments/${name}/train {"dataset":"${called}"} goes on with the newer one`;
  return [{ code: 'newer_dataset', count, text, examples: changes ? listChanges(changes).slice(0, MAX_EXAMPLES) : [] }];
}
