/** @file What a store must show before it is trusted: several accept the headers of conditional writes and do not honour them. */
import { randomUUID } from 'node:crypto';
import { Conflict, Internal, PreconditionFailed } from '../errors.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import type { Etag, ObjectStore, PutOptions } from './types.ts';

/** Enough for every store that was met and does not decide atomically (storage under one process, several disks, several nodes). */
const RACERS = 32;
const FOLDER = 'probe/';
/** What is older is of a probe that was killed. */
const ABANDONED_MS = 3_600_000;

/**
 * Reads what was written; creates once and replaces by version only, also when 32 do so at once. Leaves nothing behind, whatever it
 * finds, unless the store does not let it delete; removes what probes that were killed an hour ago have left.
 * @param now Milliseconds since the epoch.
 * @throws Internal naming the promise that the store breaks, and what was seen. Errors of the store itself (no access, no answer) pass
 * through.
 */
export async function probeStore(store: ObjectStore, now: number = SYSTEM_CLOCK.now()): Promise<void> {
  const prefix = `${FOLDER}${randomUUID()}`;
  const keys = { single: `${prefix}/single`, raced: `${prefix}/raced`, absent: `${prefix}/absent` };
  try {
    await probeConditions(store, keys.single, keys.absent);
    await probeRaces(store, keys.raced);
    const { objects } = await store.list(`${prefix}/`);
    const listed = objects.map(object => object.key);
    demand(
      store,
      listed.join() === [keys.raced, keys.single].join(),
      'a listing shows what was written',
      listed.join(),
    );
  } catch (error) {
    // What went wrong is worth more than what hinders the cleaning.
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
  if (first === undefined) throw unfit(store, 'creating what does not exist succeeds', 'it was rejected');
  const readBack = async (expected: string, promise: string) => {
    const text = await read(store, key);
    demand(store, text === expected, promise, `wrote "${expected}", read "${text}"`);
  };
  const mustFail = async (at: string, text: string, options: PutOptions, promise: string) =>
    demand(store, (await write(store, at, text, options)) === undefined, promise, 'it was accepted');

  await readBack('first', 'reading gives what was written');
  await mustFail(key, 'again', { ifNoneMatch: '*' }, 'creating what exists fails');
  const second = await write(store, key, 'second', { ifMatch: first });
  if (second === undefined) throw unfit(store, 'replacing the version that is there succeeds', 'it was rejected');
  const version = (await store.head(key))?.etag;
  demand(
    store,
    second !== first && version === second,
    'other bytes are another version',
    `${first}, ${second}, ${version}`,
  );
  await mustFail(key, 'stale', { ifMatch: first }, 'replacing an old version fails');
  await readBack('second', 'a rejected write changes nothing');
  await mustFail(absent, 'x', { ifMatch: first }, 'replacing what is absent fails');
}

async function probeRaces(store: ObjectStore, key: string): Promise<void> {
  const created = await race(store, key, 'creations', { ifNoneMatch: '*' });
  await race(store, key, 'replacements of one version', { ifMatch: created });
}

/** Writes so many times at once, of which one must win; gives the winner's version. */
async function race(store: ObjectStore, key: string, what: string, condition: PutOptions): Promise<Etag> {
  const racers = Array.from({ length: RACERS }, (_, i) => `${what} ${i}`);
  // Connections are made before the start, so that all arrive at once.
  await Promise.all(racers.map(() => store.head(key)));
  // All are waited for, also when one fails otherwise: none may write after the cleaning.
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

/** The new version, undefined when it was cleanly rejected. */
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
      'use a folder (file:DIR) or an S3 store that honours If-None-Match and If-Match under concurrency, such as MinIO; ' +
      'STORE_PROBE=off starts with this one all the same: what several processes write at once may then be lost',
    details: { promise, seen },
  });
}
