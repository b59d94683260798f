/** @file Returns the stored result of an action, or runs the action and commits. The first committed result stands. */
import { Internal } from '../../errors.ts';
import { type ActionCache, hasOutputs, type StoredResult } from '../../storage/action-cache.ts';
import { canonicalDigest, canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Action, Result } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { PureOutcome } from '../define.ts';

export interface Resolved {
  /** Action of the result. It differs from the called action when the work was cut short. */
  readonly action: Digest;
  readonly cache: 'hit' | 'miss';
  readonly result: Result;
}

export interface ActionResolver {
  /** @param refresh Computes even if there is a result, and replaces that result. */
  resolve(action: Action, refresh: boolean, compute: () => Promise<PureOutcome>): Promise<Resolved>;
  /** The stored result, unless one of its outputs is missing. */
  find(functionName: string, action: Digest): Promise<Result | undefined>;
}

export function createActionResolver(
  cache: ActionCache,
  blobs: BlobStore,
  monotonic: Clock['monotonic'],
): ActionResolver {
  async function commit(action: Action, outcome: PureOutcome, seconds: number, refresh: boolean): Promise<Result> {
    const result: Result = {
      v: 1,
      action,
      outputs: { ...outcome.outputs },
      links: [...(outcome.links ?? [])],
      stats: { ...plainStats(outcome.stats), seconds },
    };
    if (!(await hasOutputs(blobs, result))) {
      throw new Internal(`${action.function} names an output that it has not stored`);
    }
    let stored = refresh ? await cache.get(action.function, canonicalDigest(action)) : undefined;
    // Replaces a result whose blobs are gone; a complete result stands. A lost round means that another writer
    // committed.
    for (let round = 0; round < 8; round++) {
      const { winner, won } =
        stored === undefined ? await cache.create(result) : await cache.replace(result, stored.etag);
      if (won || (await hasOutputs(blobs, winner.result))) return winner.result;
      stored = winner;
    }
    throw new Internal(`the result of ${action.function} could not be written`);
  }

  return {
    async resolve(action, refresh, compute) {
      const digest = canonicalDigest(action);
      const stored: StoredResult | undefined = refresh ? undefined : await cache.keep(action.function, digest);
      if (stored !== undefined && (await hasOutputs(blobs, stored.result))) {
        return { action: digest, cache: 'hit', result: stored.result };
      }
      const startedAt = monotonic();
      const outcome = await compute();
      const made: Action = outcome.params === undefined ? action : { ...action, params: plainStats(outcome.params) };
      const result = await commit(made, outcome, (monotonic() - startedAt) / 1000, refresh);
      return { action: canonicalDigest(made), cache: 'miss', result };
    },
    async find(functionName, action) {
      const stored = await cache.get(functionName, action);
      return stored !== undefined && (await hasOutputs(blobs, stored.result)) ? stored.result : undefined;
    },
  };
}

/** A copy as plain JSON. @throws InvalidInput */
function plainStats(stats: Readonly<Record<string, Json>> | undefined): Result['stats'] {
  return JSON.parse(canonicalJson(stats ?? {}));
}
