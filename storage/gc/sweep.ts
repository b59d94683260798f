/** @file Deletes garbage, batch by batch, each after a last look at whether anybody has need of it by now. */
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

/** Deleted between two last looks. */
const BATCH = 1000;
/** How far the clock of this machine may be from that of the store. */
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
 * Deletes what of `due` is still garbage. Killed anywhere, it leaves nothing that links what is gone: calling again goes on.
 * @param due Garbage that was garbage a grace period ago, too.
 * @throws Conflict when another gc deletes just now, or the clocks differ.
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
    // Not released, it is nobody's in a minute.
    await lock.release().catch(() => {});
  }
}

/**
 * Without what is linked by something that is not going: whoever relies on that, relies on it, too. Adds to the survey's marks what
 * stays for that reason.
 */
async function spareLinked({ blobs, survey, ages, signal }: Sweep, due: readonly Garbage[]): Promise<Garbage[]> {
  const going = new Map(due.filter(garbage => isIdle(garbage, infoOf(survey, garbage), ages.now)).map(g => [g.key, g]));
  const staying: Root[] = survey.results.filter(({ key }) => !going.has(key));
  for (const [digest, { key, lastModified }] of survey.blobs) {
    if (!going.has(key) && !survey.marked.has(digest)) staying.push(blobRoot(digest, key, lastModified));
  }
  // What is garbage and damaged can be read by nobody else either.
  const { kinds } = survey.declared;
  await walkReachable(blobs, staying, { kinds, from: survey.marked, signal, onUnreadable: () => {} });
  const results = new Map(survey.results.map(result => [result.key, result]));
  return [...going.values()].filter(({ key, digest }) => {
    const result = results.get(key);
    return digest ? !survey.marked.has(digest) : !result || !isNeeded(result, survey.marked);
  });
}

/** @returns What there was no time for. */
async function sweepBatch(
  sweep: Sweep,
  lock: SweepLock,
  batch: readonly Garbage[],
  marked: Reachable,
): Promise<readonly Garbage[]> {
  const { store, now, signal } = sweep;
  const deadline = await lock.announce();
  // From here on: what was extended before is seen, who extends later waits.
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

/** Marks what roots lead to that came or changed since the survey. @returns The keys of all roots there are now. */
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

/** Ages are told by the store's clock, and by ours. */
async function checkClock(store: ObjectStore, now: number): Promise<void> {
  const written = (await store.head(SWEEP_KEY))?.lastModified.getTime() ?? now;
  if (Math.abs(written - now) <= MAX_SKEW_MS) return;
  throw new Conflict(
    `the clock of this machine and that of ${store.url} differ by ${Math.round((now - written) / 1000)} s`,
    {
      expected: `at most ${MAX_SKEW_MS / 1000} s, since gc goes by ages`,
      hint: 'set the clock (NTP), then call again',
    },
  );
}
