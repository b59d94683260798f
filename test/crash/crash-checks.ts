/**
 * @file Checks a store after a pipeline in which processes died: it must have the same objects as an undisturbed run.
 *
 * An object is stray if the undisturbed run lacks its key or has other bytes there. Documents under `runs/` must be
 * whole but may differ, and so may `stats` in results: both say who worked for how long. So do the numbers of the
 * machine that a head has of its chunks, the seconds of actions in lineages, and TensorBoard files. Leases are equal
 * if both are held or both are free. Blobs must have the digest that their key names.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestWithoutAddress } from '../../functions/testing/history.ts';
import { listKeys } from '../../functions/testing/training.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { type Digest, digestOf, hexOf } from '../../storage/digest.ts';
import { openFileStore } from '../../storage/drivers/file/file-store.ts';
import { blobKey, digestOfBlobKey, RESERVED_FOLDER } from '../../storage/keys.ts';
import { lineageSchema } from '../../storage/lineage-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import { probeStore } from '../../storage/probe.ts';
import { resultSchema } from '../../storage/records.ts';
import type { ObjectStore, StoredObject } from '../../storage/types.ts';

/** By key, what two stores are compared by. */
export type Description = ReadonlyMap<string, string>;

/** Of the S3 endpoint, made once for the folder. */
const KEYS_FILE = join(RESERVED_FOLDER, 's3-keys.json');
/** Room that the store keeps for a full disk, and always fills again. */
const RESERVE = join(RESERVED_FOLDER, 'reserve');
/** Older than anything that a killed process may leave behind for a while. */
const LATER_MS = 2 * 3_600_000;

/** @throws Corrupt when a blob or a document is damaged. */
export async function describeStore(store: ObjectStore, now: number): Promise<Description> {
  const description = new Map<string, string>();
  const keys = await listKeys(store, '');
  const lineages = await readLineages(store, keys);
  for (const key of keys) {
    const stored = await store.get(key);
    const blob = digestOfBlobKey(key);
    const lineage = blob && lineages.get(blob);
    if (stored) description.set(lineage ? blobKey(lineage) : key, await describeObject(store, stored, now, lineages));
  }
  return description;
}

/** By the digest of each lineage, its digest without the seconds that actions took. */
async function readLineages(store: ObjectStore, keys: readonly string[]): Promise<ReadonlyMap<string, Digest>> {
  const lineages = new Map<string, Digest>();
  for (const key of keys) {
    const blob = digestOfBlobKey(key);
    const text = blob && Buffer.from((await store.get(key))?.body ?? []).toString();
    if (!text?.includes('"kind":"lineage"')) continue;
    const { made, ...lineage } = lineageSchema.parse(JSON.parse(text));
    const timeless = { ...lineage, made: made.map(({ seconds: _, ...each }) => each) };
    lineages.set(blob ?? '', canonicalDigest(timeless as Json));
  }
  return lineages;
}

async function describeObject(
  store: ObjectStore,
  stored: StoredObject,
  now: number,
  lineages: ReadonlyMap<string, Digest>,
): Promise<string> {
  const { key, body } = stored;
  const [kind] = key.split('/');
  const blob = digestOfBlobKey(key);
  if (blob) {
    await createBlobStore(store).get(blob);
    return 'whole';
  }
  if (kind === 'actions') {
    const { stats: _, ...result } = resultSchema.parse(JSON.parse(Buffer.from(body).toString()));
    return canonicalDigest(result);
  }
  if (kind === 'leases') return (await readLease(store, nameOf(key), now)) ? 'held' : 'free';
  if (kind === 'runs') {
    const text = Buffer.from(body).toString();
    for (const document of key.endsWith('.jsonl') ? text.trimEnd().split('\n') : [text]) JSON.parse(document);
    return 'a run';
  }
  if (key.includes('/tensorboard/')) return body.length > 0 ? 'scalars' : 'empty';
  if (kind === 'refs' || key.endsWith('/index.json')) return canonicalDigest(withoutMeasures(body, lineages));
  return digestWithoutAddress(stored);
}

/** The document without what was measured on the machine while its chunks were trained and its dataset was made. */
function withoutMeasures(body: Uint8Array, lineages: ReadonlyMap<string, Digest>): Json {
  return JSON.parse(Buffer.from(body).toString(), function (this: Record<string, unknown>, key, value) {
    return key === 'metrics' && 'log' in this ? undefined : (lineages.get(value) ?? value);
  });
}

/** One sentence for each difference that is none of a run's record. */
export function compareStores(expected: Description, actual: Description): string[] {
  const keys = [...new Set([...expected.keys(), ...actual.keys()])].filter(key => !key.startsWith('runs/')).sort();
  return keys.flatMap(key => {
    if (!actual.has(key)) return [`${key} is missing`];
    if (!expected.has(key)) return [`${key} is left over`];
    return expected.get(key) === actual.get(key) ? [] : [`${key} is ${actual.get(key)}, not ${expected.get(key)}`];
  });
}

/** Cleans up as the start of a server does, when what killed processes left is old enough. */
export async function sweepStore(store: ObjectStore): Promise<void> {
  await probeStore(store, Date.now() + LATER_MS);
}

/**
 * Files in a folder store that are not objects, once a later process has opened and swept it: temporary files, locks,
 * notes without an object.
 */
export async function listLeftovers(folder: string): Promise<string[]> {
  const store = await openFileStore(folder, { clock: { ...SYSTEM_CLOCK, now: () => Date.now() + LATER_MS } });
  const notes = new Set([KEYS_FILE, ...(await listKeys(store, '')).flatMap(notePathsOf)]);
  await store.close();
  const names = await readdir(join(folder, RESERVED_FOLDER), { recursive: true, withFileTypes: true });
  return names
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(path => !notes.has(path) && dirname(path) !== RESERVE);
}

/** Where a folder keeps the media type of a key, and of which blob it is a copy. */
function notePathsOf(key: string): string[] {
  const hex = hexOf(digestOf(key));
  return ['types', 'copies'].map(notes => join(RESERVED_FOLDER, notes, hex.slice(0, 2), hex.slice(2)));
}

/** 'leases/experiments/toy.json' -> 'toy'. */
function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
}
