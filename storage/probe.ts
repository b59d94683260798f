/**
 * @file The start-up probe. Some stores accept the headers of conditional writes and ignore them: such a store is
 * refused.
 */
import { randomUUID } from 'node:crypto';
import { Conflict, Internal, PreconditionFailed } from '../errors.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import type { Etag, ObjectStore, PutOptions } from './types.ts';

/**
 * Enough to catch every store seen so far that does not decide atomically (one process, several disks, several nodes).
 */
const RACERS = 32;
const FOLDER = 'probe/';
/** Older objects were left by a probe that was killed. */
const ABANDONED_MS = 3_600_000;

/**
 * Checks that reads return what was written, that a key is created only once, and that a version is replaced only once,
 * also by 32 writers at once. Deletes its objects, and those that probes killed more than an hour ago left behind.
 * @param now Milliseconds since the epoch.
 * @throws Internal naming the promise that the store breaks and the observation. Errors of the store itself (no access,
 * no answer) pass through.
 */
export async function probeStore(store: ObjectStore, now: number = SYSTEM_CLOCK.now()): Promise<void> {
  const prefix = `${FOLDER}${randomUUID()}`;
  const keys = { single: `${prefix}/single`, raced: `${prefix}/raced`, absent: `${prefix}/absent` };
  try {
    await probeConditions(store, keys.single, keys.absent);
    await probeRaces(store, keys.raced);
    const { objects } = await store.list(`${prefix}/`);
    const listed = objects.map(object => object.key);
    demand(store, listed.join() === [keys.raced, keys.single].join(), 'a listing shows written objects', listed.join());
  } catch (error) {
    // This error matters more than a failure to clean up.
    await Promise.allSettled(Object.values(keys).map(key => store.delete(key)));
    throw error;
  }
  await Promise.all(Object.values(keys).map(key => store.delete(key)));
  const { objects } = await store.list(FOLDER);
  for (const { key, lastModified } of objects) {
    if (now - lastModified.getTime() > ABANDONED_MS) await store.delete(key);
  }
}

async function probeConditions(store: ObjectStore, key: string, absent: string): Promise<void> {
  const first = await write(store, key, 'first', { ifNoneMatch: '*' });
  if (first === undefined) throw unfit(store, 'creating an absent key succeeds', 'it was rejected');
  const readBack = async (expected: string, promise: string) => {
    const text = await read(store, key);
    demand(store, text === expected, promise, `wrote "${expected}", read "${text}"`);
  };
  const mustFail = async (at: string, text: string, options: PutOptions, promise: string) =>
    demand(store, (await write(store, at, text, options)) === undefined, promise, 'it was accepted');

  await readBack('first', 'a read returns the written bytes');
  await mustFail(key, 'again', { ifNoneMatch: '*' }, 'creating an existing key fails');
  const second = await write(store, key, 'second', { ifMatch: first });
  if (second === undefined) throw unfit(store, 'replacing the stored version succeeds', 'it was rejected');
  const version = (await store.head(key))?.etag;
  demand(
    store,
    second !== first && version === second,
    'other bytes have another version',
    `${first}, ${second}, ${version}`,
  );
  await mustFail(key, 'stale', { ifMatch: first }, 'replacing an old version fails');
  await readBack('second', 'a rejected write changes nothing');
  await mustFail(absent, 'x', { ifMatch: first }, 'replacing an absent key fails');
}

async function probeRaces(store: ObjectStore, key: string): Promise<void> {
  const created = await race(store, key, 'creations', { ifNoneMatch: '*' });
  await race(store, key, 'replacements of one version', { ifMatch: created });
}

/** Writes {@link RACERS} times at once; exactly one write must win. @returns The version of the winner. */
async function race(store: ObjectStore, key: string, what: string, condition: PutOptions): Promise<Etag> {
  const racers = Array.from({ length: RACERS }, (_, i) => `${what} ${i}`);
  // Opens the connections first, so that all writes arrive at once.
  await Promise.all(racers.map(() => store.head(key)));
  // Waits for all, even if one fails: none may write after the clean-up.
  const outcomes = await Promise.allSettled(racers.map(text => write(store, key, text, condition)));
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  const winners = outcomes.flatMap((outcome, i) =>
    outcome.status === 'fulfilled' && outcome.value !== undefined ? [{ text: racers[i], etag: outcome.value }] : [],
  );
  const [winner] = winners;
  if (winner === undefined || winners.length !== 1) {
    throw unfit(store, `of ${RACERS} concurrent ${what} one succeeds`, `${winners.length} did`);
  }
  const text = await read(store, key);
  demand(
    store,
    text === winner.text,
    `of concurrent ${what} the one that succeeded stays`,
    `"${winner.text}" did, read "${text}"`,
  );
  return winner.etag;
}

/** The new version; undefined when the store rejected the write. */
async function write(store: ObjectStore, key: string, text: string, options: PutOptions): Promise<Etag | undefined> {
  try {
    return (await store.put(key, Buffer.from(text), options)).etag;
  } catch (error) {
    if (error instanceof PreconditionFailed || error instanceof Conflict) return undefined;
    throw error;
  }
}

async function read(store: ObjectStore, key: string): Promise<string | undefined> {
  const stored = await store.get(key);
  return stored && Buffer.from(stored.body).toString();
}

function demand(store: ObjectStore, kept: boolean, promise: string, seen: string): void {
  if (!kept) throw unfit(store, promise, seen);
}

function unfit(store: ObjectStore, promise: string, seen: string): Internal {
  return new Internal(`the store ${store.url} breaks a promise: ${promise} (${seen})`, {
    expected: 'a store with strict conditional writes',
    hint:
      'use a folder (file:DIR) or an S3 store that honours If-None-Match and If-Match under concurrency (MinIO); ' +
      'STORE_PROBE=off starts with this store anyway: writes of several processes at once may then be lost',
    details: { promise, seen },
  });
}
