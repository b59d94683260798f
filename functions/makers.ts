/** @file Who made a blob: so that one found missing in use can be made again. */
import type { Digest } from '../storage/digest.ts';
import type { Action, Result } from '../storage/records.ts';

/** Digests that the memory may hold (about 20 MB). */
const MAX_DIGESTS = 200_000;

export interface Makers {
  /** A result that this process has seen. */
  remember(result: Result): void;
  /** The action whose result has the blob among its outputs or links: the newest that was seen. */
  find(blob: Digest): Action | undefined;
}

export function createMakers(): Makers {
  // Newest last; one entry per action.
  const seen = new Map<string, { readonly action: Action; readonly digests: readonly Digest[] }>();
  let held = 0;

  return {
    remember(result) {
      const digests = [...Object.values(result.outputs).map(output => output.digest), ...result.links];
      const key = JSON.stringify(result.action);
      held += digests.length - (seen.get(key)?.digests.length ?? 0);
      seen.delete(key);
      seen.set(key, { action: result.action, digests });
      for (const [oldest, entry] of seen) {
        if (held <= MAX_DIGESTS || seen.size === 1) break;
        seen.delete(oldest);
        held -= entry.digests.length;
      }
    },
    find(blob) {
      return [...seen.values()].findLast(entry => entry.digests.includes(blob))?.action;
    },
  };
}
