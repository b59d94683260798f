/** @file Deletes garbage batch by batch. Before each batch it looks once more whether the objects are still garbage. */
import { Conflict } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Digest } from '../digest.ts';
import { mapBounded } from '../map-bounded.ts';
import type { BlobStore, ObjectInfo, ObjectStore } from '../types.ts';
import { type Ages, type Garbage, isNeeded, isStaleRun, REQUESTS_AT_ONCE, type Survey } from './garbage.ts';
import { orderByLinks } from './order.ts';
import { type Reachable, walkReachable } from './reachable.ts';
import { listRoots, type Root } from './roots.ts';
import { acquireSweep, SWEEP_KEY, type SweepLock } from './sweep-lock.ts';

/** Objects in a batch. */
const BATCH = 1000;
/** Largest difference between the clock of this machine and the clock of the store. */
const MAX_SKEW_MS = 5 * 60_000;

export interface Sweep {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly survey: Survey;
  readonly ages: Ages;
  readonly now: Clock['now'];
  readonly signal: AbortSignal;
  onDeleted(garbage: Garbage): void;
}

/**
 * Deletes the part of `due` that is still garbage. After a kill at any point, no stored object links a deleted one, and
 * calling again goes on.
 * @param due Garbage that was already garbage a grace period ago.
 * @throws Conflict when another gc deletes now, or the clocks differ.
 */
export async function sweepGarbage(sweep: Sweep, due: readonly Garbage[]): Promise<void> {
  const { store, blobs, survey, now } = sweep;
  const condemned = await spareLinked(sweep, due);
  const lock = await acquireSweep(store, now);
  try {
    await checkClock(store, now());
    for (const group of await orderByLinks(blobs, condemned, sweep.signal)) {
      for (let rest: readonly Garbage[] = group; rest.length > 0; ) {
        const left = await sweepBatch(sweep, lock, rest.slice(0, BATCH), survey.marked);
        rest = [...left, ...rest.slice(BATCH)];
      }
    }
  } finally {
    // A lock that cannot be released expires in a minute.
    await lock.release().catch(() => {});
  }
}

/**
 * Drops from `due` all objects that an object which stays links to, since a user of that object needs them. Adds these
 * objects to the marks of the survey.
 */
async function spareLinked({ blobs, survey, ages, signal }: Sweep, due: readonly Garbage[]): Promise<Garbage[]> {
  const going = new Map(due.filter(garbage => isIdle(garbage, infoOf(survey, garbage), ages.now)).map(g => [g.key, g]));
  const staying: Root[] = survey.results.filter(({ key }) => !going.has(key));
  for (const [digest, { key, lastModified }] of survey.blobs) {
    if (!going.has(key) && !survey.marked.has(digest)) staying.push(blobRoot(digest, key, lastModified));
  }
  // Garbage that is damaged cannot be used by other calls either.
  const { kinds } = survey.declared;
  await walkReachable(blobs, staying, { kinds, from: survey.marked, signal, onUnreadable: () => {} });
  const results = new Map(survey.results.map(result => [result.key, result]));
  return [...going.values()].filter(({ key, digest }) => {
    const result = results.get(key);
    return digest ? !survey.marked.has(digest) : !result || !isNeeded(result, survey.marked);
  });
}

/** @returns The objects for which there was no time. */
async function sweepBatch(
  sweep: Sweep,
  lock: SweepLock,
  batch: readonly Garbage[],
  marked: Reachable,
): Promise<readonly Garbage[]> {
  const { store, now, signal } = sweep;
  const deadline = await lock.announce();
  // From here on, earlier extensions are visible, and later ones wait for this batch.
  const roots = await markChanges(sweep, marked);
  const stays = new Set<Garbage>();
  const extended: Root[] = [];
  await mapBounded(batch, { width: REQUESTS_AT_ONCE, signal }, async garbage => {
    const info = await store.head(garbage.key);
    if (info && isIdle(garbage, info, now()) && !(garbage.ref && roots.has(garbage.ref))) return;
    stays.add(garbage);
    if (info && garbage.digest) extended.push(blobRoot(garbage.digest, info.key, info.lastModified));
  });
  await walkReachable(sweep.blobs, extended, { kinds: sweep.survey.declared.kinds, from: marked, signal });
  const left: Garbage[] = [];
  await mapBounded(batch, { width: REQUESTS_AT_ONCE, signal }, async garbage => {
    if (stays.has(garbage) || (garbage.digest && marked.has(garbage.digest))) return;
    if (now() >= deadline) {
      left.push(garbage);
      return;
    }
    await store.delete(garbage.key);
    sweep.onDeleted(garbage);
  });
  return left;
}

/** Marks the blobs of roots that are new or changed since the survey. @returns The keys of all current roots. */
async function markChanges({ store, blobs, survey, ages, signal }: Sweep, marked: Reachable): Promise<Set<string>> {
  const keys = new Set<string>();
  const select = (info: ObjectInfo) => {
    keys.add(info.key);
    const before = survey.rootInfos.get(info.key);
    return !isSame(before, info) && !isStaleRun(info, ages);
  };
  const { kinds } = survey.declared;
  await walkReachable(blobs, listRoots(store, { select, signal }), { kinds, from: marked, signal });
  return keys;
}

function isSame(before: ObjectInfo | undefined, now: ObjectInfo): boolean {
  return before?.etag === now.etag && before.lastModified.getTime() === now.lastModified.getTime();
}

function isIdle({ idleMs }: Garbage, info: ObjectInfo | undefined, now: number): boolean {
  return info === undefined || now - info.lastModified.getTime() >= idleMs;
}

function infoOf(survey: Survey, { key, digest }: Garbage): ObjectInfo | undefined {
  return digest ? survey.blobs.get(digest) : survey.rootInfos.get(key);
}

function blobRoot(digest: Digest, key: string, lastModified: Date): Root {
  return { key, lastModified, links: [{ digest, kind: 'unknown' }] };
}

/** Ages compare times of the store with times of this machine, so the two clocks must agree. */
async function checkClock(store: ObjectStore, now: number): Promise<void> {
  const written = (await store.head(SWEEP_KEY))?.lastModified.getTime() ?? now;
  if (Math.abs(written - now) <= MAX_SKEW_MS) return;
  throw new Conflict(
    `the clock of this machine and the clock of ${store.url} differ by ${Math.round((now - written) / 1000)} s`,
    {
      expected: `at most ${MAX_SKEW_MS / 1000} s, since gc compares ages`,
      hint: 'set the clock (NTP), then call again',
    },
  );
}
