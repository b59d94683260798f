/**
 * @file JSON documents under a key, changed by compare-and-swap only. For documents named by their digest see
 * document-blobs.ts.
 */
import type { z } from 'zod';
import { Ambiguous, Conflict, PreconditionFailed } from '../../errors.ts';
import { backoffMs, type RetryTiming } from '../backoff.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import { etagOf } from '../drivers/conditions.ts';
import { parseDocument } from '../parse-document.ts';
import type { Etag, ObjectStore } from '../types.ts';

export interface Versioned<T> {
  readonly value: T;
  readonly etag: Etag;
}

/** A version as the store has it now. */
export interface StoredVersion<T> extends Versioned<T> {
  readonly lastModified: Date;
}

export type WriteCondition = { readonly ifNoneMatch: '*' } | { readonly ifMatch: Etag };

/** Milliseconds for which a write with an unknown outcome is repeated. */
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
 * Writes on a condition.
 *
 * A write whose answer was lost may have been committed, may never have arrived, or may arrive later. The stored
 * document tells:
 * - It has our bytes: our write was committed, or another process wrote the same.
 * - It has neither our bytes nor the old ones: another process wrote before or after us, and its document stands either
 *   way.
 * - It still has the old bytes: the write is sent again. At most one copy can take effect: the first committed copy
 *   makes the condition false for the others. A copy that is rejected then is looked up in the same way.
 *
 * One case remains: a copy arrives so late that the document has changed and changed back meanwhile. Etags compare
 * bytes, not times, so the copy takes effect, on a state equal to the one that the caller decided on.
 * @returns The new version; undefined when another process wrote the stored document: read it, then decide.
 * @throws Ambiguous when the outcome is still unknown after a minute; other errors only when nothing was written.
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

/** A later failure does not tell whether the lost write was committed. */
function remainInDoubt(doubt: Ambiguous, cause: unknown): Ambiguous {
  return new Ambiguous(doubt.message, { cause, ...(doubt.hint !== undefined && { hint: doubt.hint }) });
}
