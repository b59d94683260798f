/** @file Results of actions: the first one committed is the result, whoever computed it; replaced only by version. */
import { Conflict, Corrupt } from '../errors.ts';
import { createCachedReader } from './cached-reader.ts';
import { canonicalDigest } from './canonical.ts';
import type { Digest } from './digest.ts';
import { isOld, LIFETIMES, type Lifetimes } from './gc/lifetimes.ts';
import { waitForSweep } from './gc/sweep-lock.ts';
import { actionKey } from './keys.ts';
import { type Result, resultSchema } from './records.ts';
import type { BlobStore, Etag, ObjectStore } from './types.ts';
import { writeVersioned } from './versioned.ts';

export interface StoredResult {
  readonly result: Result;
  readonly etag: Etag;
}

export interface CommitOutcome {
  /** What stands now: ours, or the one that was first. */
  readonly winner: StoredResult;
  readonly won: boolean;
}

export interface ActionCache {
  /** What is stored, whether or not its blobs still exist. @throws Corrupt when it is of an unknown version or another action's. */
  get(functionName: string, action: Digest): Promise<StoredResult | undefined>;
  /**
   * The same, for who goes on to rely on the blobs that it names: gc leaves them alone for half of its grace period at least.
   * @throws Corrupt
   */
  keep(functionName: string, action: Digest): Promise<StoredResult | undefined>;
  /** Commits unless there is a result. To be called when every blob that the result names is stored. */
  create(result: Result): Promise<CommitOutcome>;
  /** Commits over the version `etag` (a stale result, or one to be computed anew), unless that was replaced already. */
  replace(result: Result, etag: Etag): Promise<CommitOutcome>;
}

/** A result that is there when we write and gone when we look is being deleted; more often than this it is not chance. */
const MAX_ROUNDS = 8;
/** Digests in the results that are kept parsed, about 100 bytes each; a result without any counts for 10. */
const MAX_REMEMBERED = 100_000;

export function createActionCache(store: ObjectStore, lifetimes: Lifetimes = LIFETIMES): ActionCache {
  const read = createCachedReader(store, {
    schema: resultSchema,
    check(key, { action }) {
      if (actionKey(action.function, canonicalDigest(action)) === key) return;
      throw new Corrupt(`"${key}" holds the result of another action`, { hint: 'delete it; it is computed again' });
    },
    weigh: ({ outputs, links }) => 10 + Object.keys(outputs).length + links.length,
    capacity: MAX_REMEMBERED,
  });

  async function get(functionName: string, action: Digest): Promise<StoredResult | undefined> {
    const stored = await read(actionKey(functionName, action));
    return stored && { result: stored.value, etag: stored.etag };
  }

  async function keep(functionName: string, action: Digest): Promise<StoredResult | undefined> {
    const key = actionKey(functionName, action);
    const stored = await read(key);
    if (!stored || !isOld(stored, lifetimes)) return stored && { result: stored.value, etag: stored.etag };
    // The same bytes; that they were replaced or deleted meanwhile shows when they are read again.
    await writeVersioned(store, key, stored.value, { ifMatch: stored.etag });
    await waitForSweep(store, lifetimes.clock);
    return get(functionName, action);
  }

  async function commit(result: Result, etag: Etag | undefined): Promise<CommitOutcome> {
    const action = canonicalDigest(result.action);
    const key = actionKey(result.action.function, action);
    let condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: etag };
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const written = await writeVersioned(store, key, result, condition);
      if (written !== undefined) return { winner: { result, etag: written }, won: true };
      const winner = await get(result.action.function, action);
      if (winner) return { winner, won: false };
      condition = { ifNoneMatch: '*' };
    }
    throw new Conflict(`"${key}" can neither be written nor read`, { hint: 'retry' });
  }

  return { get, keep, create: result => commit(result, undefined), replace: (result, etag) => commit(result, etag) };
}

/** Whether every direct output still exists: a result with a missing one is a miss. */
export async function hasOutputs(blobs: BlobStore, result: Result): Promise<boolean> {
  const refs = await Promise.all(Object.values(result.outputs).map(output => blobs.head(output.digest)));
  return refs.every(ref => ref !== undefined);
}
