/** @file Stored JSON: parsed by its schema when read, canonical when written, and never written without a condition. */
import type { z } from 'zod';
import { Ambiguous, Conflict, Corrupt, PreconditionFailed } from '../errors.ts';
import { canonicalJson, type Json } from './canonical.ts';
import { etagOf } from './conditions.ts';
import type { Etag, ObjectStore } from './types.ts';

export interface Versioned<T> {
  readonly value: T;
  readonly etag: Etag;
}

export type WriteCondition = { readonly ifNoneMatch: '*' } | { readonly ifMatch: Etag };

/** @throws Corrupt naming the key when it is no JSON, of an unknown version, or not as the schema says. */
export async function readDocument<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<Versioned<T> | undefined> {
  const stored = await store.get(key);
  return stored && { value: parseDocument(key, stored.body, schema), etag: stored.etag };
}

/** @param what names the document in errors: its key, or its digest. @throws Corrupt */
export function parseDocument<T>(what: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Corrupt(`"${what}" is no JSON`, { cause, hint: 'delete it, or restore it from a copy' });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.path[0] === 'v') {
    const version = typeof json === 'object' && json !== null && 'v' in json ? JSON.stringify(json.v) : 'none';
    throw new Corrupt(`"${what}" has the version ${version}`, {
      expected: 'a version that this program knows',
      hint: 'a newer Easel wrote it: use that one',
    });
  }
  throw new Corrupt(`"${what}" is not what it should be: ${issue?.path.join('.')}: ${issue?.message}`, {
    cause: parsed.error,
    hint: 'delete it, or restore it from a copy',
  });
}

/**
 * Writes on a condition: the new version, or undefined when another was cleanly first. A write of which it is not known whether
 * it was committed is looked up.
 * @throws Ambiguous when that cannot be told either.
 */
export async function writeDocument(
  store: ObjectStore,
  key: string,
  value: Json,
  condition: WriteCondition,
): Promise<Etag | undefined> {
  const body = new Uint8Array(Buffer.from(canonicalJson(value)));
  try {
    return (await store.put(key, body, { ...condition, mediaType: 'application/json' })).etag;
  } catch (error) {
    if (error instanceof PreconditionFailed || error instanceof Conflict) return undefined;
    if (!(error instanceof Ambiguous)) throw error;
    const stored = await store.get(key);
    if (stored && etagOf(stored.body) === etagOf(body)) return stored.etag;
    const unchanged = 'ifMatch' in condition ? stored?.etag === condition.ifMatch : stored === undefined;
    // Still as before: the write may yet arrive.
    if (unchanged) throw error;
    return undefined;
  }
}
