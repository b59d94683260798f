/** @file What a person should know of an experiment, beside its state. A good training has no notes. */
import { longAverages } from '../../configs/averages.ts';
import type { Config } from '../../configs/schema.ts';
import { BlobMissing } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { notePrompts } from '../encoders/note-texts.ts';
import { addUpNotes } from '../notes/notes.ts';
import { noteAlarms } from './alarms.ts';
import { stepsFor } from './chunks.ts';
import { noteMemorizing } from './copies.ts';
import type { Experiment } from './experiment-head.ts';
import { noteEmptyPlaces } from './note-empty-places.ts';
import { type NotesContext, noteNewerDataset } from './note-newer-dataset.ts';
import { notePlanChanges } from './plan-changes.ts';
import { noteSkipped } from './training-health.ts';

/** Averages that remember too much of the run's beginning. */
function noteAverages({ target }: ExperimentHead, { optimizer, data }: Config): Note[] {
  const long = longAverages(optimizer, stepsFor(target, data.batch_size));
  return long.map(({ text }) => ({ code: 'long_average', count: 1, text, examples: [] }));
}

function noteDeleting(name: string, { deleting }: ExperimentHead): Note[] {
  const text = `it is being deleted; if that was cut off, DELETE /experiments/${name} completes it`;
  return deleting ? [{ code: 'deleting', count: 1, text, examples: [] }] : [];
}

/**
 * Notes on its steps and its dataset, and on prompts of its previews that the encoder does not read to their ends.
 * @param experiment With the verdict of the runs before: see `withBefore`.
 */
export async function noteExperiment(ctx: NotesContext, name: string, { head, config }: Experiment): Promise<Note[]> {
  const { model, run } = config;
  const codes = { cut: 'preview_cut', unread: 'preview_unread' } as const;
  const prompts = await notePrompts(ctx.blobs, model.conditions ?? {}, { prompts: run.preview.prompts }, codes);
  return [
    ...noteDeleting(name, head),
    ...noteSkipped(head),
    ...noteAlarms(head),
    ...noteMemorizing(name, head),
    ...notePlanChanges(head),
    ...noteAverages(head, config),
    ...(await noteNewerDataset(ctx, name, head)),
    ...(await notePlaces(ctx.blobs, head, config)),
    ...addUpNotes(prompts),
  ];
}

/** Of a dataset that is there and tells its sizes. */
async function notePlaces(blobs: BlobStore, { dataset }: ExperimentHead, { data }: Config): Promise<Note[]> {
  try {
    return noteEmptyPlaces((await readDataset(blobs, dataset)).buckets ?? [], data);
  } catch (error) {
    if (error instanceof BlobMissing) return [];
    throw error;
  }
}
