/**
 * @file Garbage collection. An object is garbage if no name, running call or retained result leads to it. gc deletes an
 * object if it was garbage in two runs, a grace period apart, was not written or extended (lifetimes.ts) in between,
 * and no object that stays links to it. So each run deletes what an earlier run noted, and notes what a later run may
 * delete.
 */

import type { Clock } from '../clock.ts';
import type { BlobStore, ObjectStore } from '../types.ts';
import { readNotes, writeNotes } from './candidates.ts';
import {
  type Ages,
  type Declarations,
  findGarbage,
  GARBAGE_KINDS,
  type Garbage,
  type GarbageKind,
  surveyStore,
} from './garbage.ts';
import { sweepGarbage } from './sweep.ts';

export interface GcOptions extends Omit<Ages, 'now'> {
  readonly declared: Declarations;
  /** False: only reports; writes and deletes nothing. */
  readonly delete: boolean;
  readonly now: Clock['now'];
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: GcProgress) => void;
}

export interface GcProgress {
  readonly phase: 'mark' | 'sweep';
  readonly done?: number;
  readonly total?: number;
}

export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

export interface GcReport {
  /** Stored blobs that are needed. */
  readonly marked: Amount;
  /** Garbage before this call. */
  readonly garbage: Amount;
  /**
   * Garbage that was already garbage a grace period ago. With `delete`, this call deletes it unless it was used since.
   */
  readonly due: Amount;
  /** Deleted by this call. */
  readonly swept: Amount;
  readonly kinds: Readonly<Partial<Record<GarbageKind, Record<'garbage' | 'due' | 'swept', Amount>>>>;
  /** Key of the root that changed longest ago, and when. */
  readonly oldestRoot?: { readonly key: string; readonly lastModified: Date };
  /** Documents that are needed and that the store does not have. */
  readonly missing: readonly string[];
  /** When the oldest note falls due, in milliseconds since the epoch. Absent when there are no notes. */
  readonly nextDueAt?: number;
}

/**
 * Reports garbage and, with `delete`, deletes it. Safe beside any other work, as long as no action takes longer than
 * half of the grace period. After a kill at any point, the same call goes on.
 * @throws Corrupt when a document that says what is needed cannot be read; Conflict when another gc deletes now, or the
 * clocks differ.
 */
export async function collectGarbage(store: ObjectStore, blobs: BlobStore, options: GcOptions): Promise<GcReport> {
  const { signal, onProgress = () => {}, now } = options;
  const ages: Ages = { ...options, now: now() };
  onProgress({ phase: 'mark' });
  const notes = await readNotes(store);
  const survey = await surveyStore(store, blobs, ages, options.declared, signal);
  const marked = amountOf([...survey.blobs].filter(([digest]) => survey.marked.has(digest)).map(([, info]) => info));
  const garbage = await findGarbage(store, survey, ages, signal);
  const dueNotes = notes.filter(note => ages.now - note.notedAt >= ages.graceMs);
  const due = garbage.filter(({ key }) => dueNotes.some(note => note.candidates.has(key)));
  const swept: Garbage[] = [];
  let noted = notes;
  if (options.delete) {
    const onDeleted = (deleted: Garbage) => {
      swept.push(deleted);
      onProgress({ phase: 'sweep', done: swept.length, total: due.length });
    };
    if (due.length > 0) await sweepGarbage({ store, blobs, survey, ages, now, signal, onDeleted }, due);
    const gone = new Set(swept);
    const open = notes.filter(note => !dueNotes.includes(note));
    const fresh = garbage.filter(each => !gone.has(each) && !open.some(note => note.candidates.has(each.key)));
    // New notes first, then the old ones: a kill in between forgets nothing.
    await writeNotes(
      store,
      fresh.map(({ key }) => key),
      now(),
    );
    for (const note of dueNotes) await store.delete(note.key);
    noted = await readNotes(store);
  }
  const kinds: { -readonly [K in keyof GcReport['kinds']]: GcReport['kinds'][K] } = {};
  for (const kind of GARBAGE_KINDS) {
    const [all, ...parts] = [garbage, due, swept].map(list => list.filter(each => each.kind === kind));
    if (!all?.length) continue;
    const [dueOfKind = [], sweptOfKind = []] = parts;
    kinds[kind] = { garbage: amountOf(all), due: amountOf(dueOfKind), swept: amountOf(sweptOfKind) };
  }
  const [firstNote] = noted;
  return {
    marked,
    garbage: amountOf(garbage),
    due: amountOf(due),
    swept: amountOf(swept),
    kinds,
    ...(survey.oldestRoot && { oldestRoot: survey.oldestRoot }),
    missing: survey.missing,
    ...(firstNote && { nextDueAt: firstNote.notedAt + ages.graceMs }),
  };
}

function amountOf(objects: readonly { readonly size: number }[]): Amount {
  return { objects: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0) };
}
