/** @file JSON documents under a key, which change by compare-and-swap only. For documents named by their digest see document-blobs.ts. */
import type { z } from 'zod';
import { Ambiguous, Conflict, PreconditionFailed } from '../errors.ts';
import { backoffMs, type RetryTiming } from './backoff.ts';
import { canonicalJson, type Json } from './canonical.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import { etagOf } from './conditions.ts';
import { parseDocument } from './parse-document.ts';
import type { Etag, ObjectStore } from './types.ts';

export interface Versioned<T> {
  readonly value: T;
  readonly etag: Etag;
}

/** A version as the store has it now. */
export interface StoredVersion<T> extends Versioned<T> {
  readonly lastModified: Date;
}

export type WriteCondition = { readonly ifNoneMatch: '*' } | { readonly ifMatch: Etag };

/** Longest that a write is sent again and again whose fate is not known, in milliseconds. */
const DOUBT_MS = 60_000;

/** @throws Corrupt naming the key when the bytes are not JSON, have an unknown version, or do not match the schema. */
export async function readVersioned<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<StoredVersion<T> | undefined> {
  const stored = await store.get(key);
  return (
    stored && { value: parseDocument(key, stored.body, schema), etag: stored.etag, lastModified: stored.lastModified }
  );
}

/**
 * Writes on a condition: the new version, or undefined when what is stored is another's: read it, and decide anew from that.
 *
 * A write whose answer was lost may have been committed, may never have arrived, or may arrive later. What is stored tells:
 * - our bytes: it was committed (or another wrote the same, which is the same);
 * - neither ours nor the old ones: another was first, or came after us; what they wrote stands either way;
 * - still the old ones: it is sent again. That is safe, since at most one of the copies can take effect: the first to be committed
 *   makes the condition false for the rest, and a copy that is then rejected is looked up in the same way.
 * One case is left, as with any lost answer: a copy that is on its way for so long that meanwhile the document has changed and
 * changed back (an etag tells bytes, not times) would be applied to a state equal to the one it was decided on.
 * @throws Ambiguous when it still cannot be told after a while; other errors only when nothing was written.
 */
export async function writeVersioned(
  store: ObjectStore,
  key: string,
  value: Json,
  condition: WriteCondition,
  { clock = SYSTEM_CLOCK, random = Math.random }: RetryTiming = {},
): Promise<Etag | undefined> {
  const body = new Uint8Array(Buffer.from(canonicalJson(value)));
  let doubt: { readonly error: Ambiguous; readonly deadline: number } | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      return (await store.put(key, body, { ...condition, mediaType: 'application/json' })).etag;
    } catch (error) {
      const rejected = error instanceof PreconditionFailed || error instanceof Conflict;
      if (error instanceof Ambiguous) doubt ??= { error, deadline: clock.monotonic() + DOUBT_MS };
      else if (!doubt && rejected) return undefined;
      else if (!doubt) throw error;
      else if (!rejected) throw remainInDoubt(doubt.error, error);
    }
    const { error: lost, deadline } = doubt;
    const stored = await store.get(key).catch(error => {
      throw remainInDoubt(lost, error);
    });
    if (stored && etagOf(stored.body) === etagOf(body)) return stored.etag;
    const unchanged = 'ifMatch' in condition ? stored?.etag === condition.ifMatch : stored === undefined;
    if (!unchanged) return undefined;
    const now = clock.monotonic();
    if (now >= deadline) throw lost;
    await clock.sleep(Math.min(backoffMs(attempt, random), deadline - now));
  }
}

/** A later failure says nothing of the write that was lost before. */
function remainInDoubt(doubt: Ambiguous, cause: unknown): Ambiguous {
  return new Ambiguous(doubt.message, { cause, ...(doubt.hint !== undefined && { hint: doubt.hint }) });
}
