/**
 * @file Notes of a dataset, added up. A stage finds out about single pictures, page by page, and its page results are
 * cached. The dataset counts what it still has of them.
 */
import { z } from 'zod';
import type { ColumnName } from '../../configs/signals.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Dataset, Note } from '../../storage/records.ts';
import { NOTE_CODES, type NoteCode, type NoteFacts, noteKind } from './note-table.ts';

/** Most pictures that a note names. */
export const MAX_EXAMPLES = 20;

const notedSchema = z.strictObject({
  code: z.enum(NOTE_CODES),
  facts: z.record(z.string(), z.union([z.string(), z.number()])).exactOptional(),
  items: z.array(z.strictObject({ id: z.string(), name: z.string(), amount: z.number(), text: z.string() })),
});

/** A note on pictures of one page. */
export interface Noted {
  readonly code: NoteCode;
  /** Notes with equal facts are added up. */
  readonly facts?: NoteFacts;
  readonly items: readonly NotedItem[];
}

export interface NotedItem {
  readonly id: string;
  readonly name: string;
  /** How much of it: the pictures with most are named first. */
  readonly amount: number;
  /** About this picture: '200 words, 64 used'. */
  readonly text: string;
}

/** Notes as they are stored in the result of a page. */
export function writeNoted(noted: readonly Noted[] = []): Json[] {
  return noted
    .filter(({ items }) => items.length > 0)
    .map(({ code, facts, items }) => ({
      code,
      ...(facts && { facts: { ...facts } }),
      items: items.map(item => ({ ...item })),
    }));
}

/** The notes in the stored result of a page. A code that leaves the table raises the version of its function. */
export function readNoted(stored: unknown): readonly Noted[] {
  return z.array(notedSchema).parse(stored ?? []);
}

/**
 * A note for each code and its facts, over all pages, with the worst pictures as examples.
 * @param removed Ids of pictures that do not count.
 */
export function addUpNotes(noted: readonly Noted[], removed: ReadonlySet<string> = new Set()): Note[] {
  const groups = new Map<string, { readonly code: NoteCode; readonly facts: NoteFacts; items: NotedItem[] }>();
  for (const { code, facts = {}, items } of noted) {
    const key = canonicalJson({ code, facts });
    const group = groups.get(key) ?? { code, facts, items: [] };
    group.items.push(...items.filter(({ id }) => !removed.has(id)));
    groups.set(key, group);
  }
  return [...groups.values()]
    .filter(({ items }) => items.length > 0)
    .map(({ code, facts, items }) => ({
      code,
      count: items.length,
      text: noteKind(code).say(items.length, facts),
      // A stable sort: of equal amounts, the first picture stays first.
      examples: items
        .toSorted((a, b) => b.amount - a.amount)
        .slice(0, MAX_EXAMPLES)
        .map(({ name, text }) => ({ name, text })),
    }));
}

/** Notes of the dataset that a stage makes, in the order of the table: `{ notes }`, or nothing if there are none. */
export function withNotes(...parts: readonly (readonly Note[])[]): Pick<Dataset, 'notes'> {
  const codes: readonly string[] = NOTE_CODES;
  const notes = parts.flat().toSorted((a, b) => codes.indexOf(a.code) - codes.indexOf(b.code));
  return notes.length > 0 ? { notes } : {};
}

/** The notes that stay when only these columns do. A note of an unknown kind stays. */
export function keepNotes(notes: readonly Note[] = [], stays: (column: ColumnName) => boolean): Note[] {
  return notes.filter(({ code }) => {
    const known = NOTE_CODES.find(each => each === code);
    const column = known && noteKind(known).column;
    return column === undefined || stays(column);
  });
}
