/**
 * @file Notes of gc, `gc/candidates-<time>.json`: the keys of garbage. A later gc deletes only what was already noted a
 * grace period ago.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { listAll } from '../list-all.ts';
import { readVersioned, writeVersioned } from '../names/versioned.ts';
import { digestSchema } from '../records.ts';
import type { ObjectStore } from '../types.ts';

const PREFIX = 'gc/candidates-';
/** Keys in one document: about 8 MB. */
const MAX_KEYS = 100_000;

const candidatesSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('gc-candidates'),
  /** Keys, not links: a note keeps nothing alive. */
  keys: z.array(z.string()),
  links: z.array(digestSchema),
});

export interface Note {
  readonly key: string;
  /** Milliseconds since the epoch, by the clock of the store. */
  readonly notedAt: number;
  readonly candidates: ReadonlySet<string>;
}

/** All notes, oldest first. @throws Corrupt when a note cannot be read. */
export async function readNotes(store: ObjectStore): Promise<Note[]> {
  const notes: Note[] = [];
  for await (const { key, lastModified } of listAll(store, PREFIX)) {
    const stored = await readVersioned(store, key, candidatesSchema);
    if (stored) notes.push({ key, notedAt: lastModified.getTime(), candidates: new Set(stored.value.keys) });
  }
  return notes.sort((a, b) => a.notedAt - b.notedAt);
}

/** @param now Milliseconds since the epoch. */
export async function writeNotes(store: ObjectStore, keys: readonly string[], now: number): Promise<void> {
  const stamp = new Date(now).toISOString().replaceAll(/[-:.]/g, '');
  for (let at = 0; at < keys.length; at += MAX_KEYS) {
    const note = { v: 1, kind: 'gc-candidates', keys: keys.slice(at, at + MAX_KEYS), links: [] } as const;
    await writeVersioned(store, `${PREFIX}${stamp}-${randomUUID()}.json`, note, { ifNoneMatch: '*' });
  }
}
