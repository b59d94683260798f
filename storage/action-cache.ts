/**
 * @file Results of actions. The first committed result of an action stands; it is replaced by compare-and-swap only.
 */
import { Conflict, Corrupt } from '../errors.ts';
import { canonicalDigest } from './canonical.ts';
import type { Digest } from './digest.ts';
import { isOld, LIFETIMES, type Lifetimes } from './gc/lifetimes.ts';
import { waitForSweep } from './gc/sweep-lock.ts';
import { actionKey } from './keys.ts';
import { createCachedReader } from './names/cached-reader.ts';
import { writeVersioned } from './names/versioned.ts';
import { type Result, resultSchema } from './records.ts';
import type { BlobStore, Etag, ObjectStore } from './types.ts';

export interface StoredResult {
  readonly result: Result;
  readonly etag: Etag;
}

export interface CommitOutcome {
  /** The stored result: ours, or the one that was committed first. */
  readonly winner: StoredResult;
  readonly won: boolean;
}

export interface ActionCache {
  /**
   * Does not check that the blobs exist. @throws Corrupt when the result has an unknown version or belongs to another
   * action.
   */
  get(functionName: string, action: Digest): Promise<StoredResult | undefined>;
  /**
   * As `get`, and gc keeps the blobs that the result names for at least half of its grace period.
   * @throws Corrupt when the result has an unknown version or belongs to another action.
   */
  keep(functionName: string, action: Digest): Promise<StoredResult | undefined>;
  /** Commits unless a result exists. Call it when every blob that the result names is stored. */
  create(result: Result): Promise<CommitOutcome>;
  /** Replaces the version `etag`, unless that version is no longer stored. */
  replace(result: Result, etag: Etag): Promise<CommitOutcome>;
}

/**
 * A result that exists when we write and is gone when we read was deleted in between. More often than this is not
 * chance.
 */
const MAX_ROUNDS = 8;
/** Digests in the results kept in memory, about 100 bytes each; each result counts 10 more. */
const MAX_REMEMBERED = 100_000;

export function createActionCache(store: ObjectStore, lifetimes: Lifetimes = LIFETIMES): ActionCache {
  const read = createCachedReader(store, {
    schema: resultSchema,
    check(key, { action }) {
      if (actionKey(action.function, canonicalDigest(action)) === key) return;
      throw new Corrupt(`"${key}" holds the result of another action`, {
        hint: 'delete it; the next call computes it again',
      });
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
    // The same bytes. If another process replaced or deleted the result meanwhile, the last read shows it.
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

/** Whether every direct output still exists. A result with a missing output counts as a miss. */
export async function hasOutputs(blobs: BlobStore, result: Result): Promise<boolean> {
  const refs = await Promise.all(Object.values(result.outputs).map(output => blobs.head(output.digest)));
  return refs.every(ref => ref !== undefined);
}
