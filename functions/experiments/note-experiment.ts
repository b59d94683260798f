/** @file What a person should know of an experiment, beside its state. A good training has no notes. */
import type { Note } from '../../storage/records.ts';
import { notePrompts } from '../encoders/note-texts.ts';
import { addUpNotes } from '../notes/notes.ts';
import type { Experiment } from './experiment-head.ts';
import { type NotesContext, noteNewerDataset } from './note-newer-dataset.ts';
import { noteSkipped } from './training-health.ts';

/** Notes on its steps and its dataset, and on prompts of its previews that the encoder does not read to their ends. */
export async function noteExperiment(ctx: NotesContext, name: string, { head, config }: Experiment): Promise<Note[]> {
  const { model, run } = config;
  const codes = { cut: 'preview_cut', unread: 'preview_unread' } as const;
  const prompts = notePrompts(model.conditions ?? {}, { prompts: run.preview.prompts }, codes);
  return [...noteSkipped(head), ...(await noteNewerDataset(ctx, name, head)), ...addUpNotes(prompts)];
}
