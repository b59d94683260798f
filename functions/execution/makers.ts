/** @file Finds the actions that made a blob, so that a missing blob can be made again. */
import type { ActionCache } from '../../storage/action-cache.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { listAll } from '../../storage/list-all.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Action, Result } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { AnyFunction } from '../define.ts';

/** Digests in memory (about 20 MB). */
const MAX_DIGESTS = 200_000;
/** Results read at the same time in a search of the store. */
const SEARCH_WIDTH = 32;

export interface Makers {
  /** Notes a result that this process has seen. @param action Digest of its action. */
  remember(action: Digest, result: Result): void;
  /**
   * Actions whose result has the blob among its outputs or links, oldest first: first those seen by this process, then
   * those in the store, which reads every result. A later stage links blobs of an earlier one, so several actions may
   * have to be tried.
   */
  find(blob: Digest, signal: AbortSignal): AsyncIterable<Action>;
}

export function createMakers(
  store: ObjectStore,
  cache: ActionCache,
  functions: ReadonlyMap<string, AnyFunction>,
): Makers {
  // One entry per action, the newest last.
  const seen = new Map<Digest, { readonly action: Action; readonly digests: readonly Digest[] }>();
  let held = 0;
  let searching = Promise.resolve();

  /** Only an action of the current version brings the same bytes back. */
  function isCurrent(action: Action): boolean {
    return functions.get(action.function)?.version === action.version;
  }

  async function* listActions(functionName: string): AsyncIterable<Digest> {
    const prefix = `actions/${functionName}/`;
    for await (const { key } of listAll(store, prefix)) {
      const digest = `sha256:${key.slice(prefix.length, -'.json'.length)}`;
      if (isDigest(digest)) yield digest;
    }
  }

  async function search(blob: Digest, signal: AbortSignal): Promise<Action[]> {
    const found: { readonly action: Action; readonly links: number }[] = [];
    const look = async (fn: AnyFunction, action: Digest) => {
      const result = (await cache.get(fn.name, action))?.result;
      // A hit on a single page checks its own outputs, so it needs no maker.
      if (result === undefined || (fn.kind === 'page' && result.outputs.dataset === undefined)) return;
      if (isCurrent(result.action) && names(result, blob))
        found.push({ action: result.action, links: result.links.length });
    };
    for (const fn of functions.values()) {
      if (fn.kind === 'effect') continue;
      await mapBounded(listActions(fn.name), { width: SEARCH_WIDTH, signal }, action => look(fn, action));
    }
    // A result of an earlier stage has fewer links.
    return found.sort((a, b) => a.links - b.links).map(({ action }) => action);
  }

  return {
    remember(action, result) {
      const digests = [...Object.values(result.outputs).map(output => output.digest), ...result.links];
      held += digests.length - (seen.get(action)?.digests.length ?? 0);
      seen.delete(action);
      seen.set(action, { action: result.action, digests });
      for (const [oldest, entry] of seen) {
        if (held <= MAX_DIGESTS || seen.size === 1) break;
        seen.delete(oldest);
        held -= entry.digests.length;
      }
    },
    async *find(blob, signal) {
      for (const { action, digests } of [...seen.values()]) {
        if (isCurrent(action) && digests.includes(blob)) yield action;
      }
      // One search at a time, since many calls may miss the same blob.
      const mine = searching.then(() => search(blob, signal));
      searching = mine.then(
        () => {},
        () => {},
      );
      yield* await mine;
    },
  };
}

function names(result: Result, blob: Digest): boolean {
  return result.links.includes(blob) || Object.values(result.outputs).some(output => output.digest === blob);
}
