/** @file What a person should know of an experiment, beside its state. */
import type { Config } from '../../configs/schema.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { Note } from '../../storage/records.ts';
import { notePrompts } from '../encoders/note-texts.ts';
import { addUpNotes } from '../notes/notes.ts';
import { noteSkipped } from './training-health.ts';

/** Notes on its steps, and on prompts of its previews that the encoder does not read to their ends. */
export function noteExperiment(head: ExperimentHead, { model, run }: Config): Note[] {
  const codes = { cut: 'preview_cut', unread: 'preview_unread' } as const;
  const prompts = notePrompts(model.conditions ?? {}, { prompts: run.preview.prompts }, codes);
  return [...noteSkipped(head), ...addUpNotes(prompts)];
}
