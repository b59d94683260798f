/** @file JSON text to a value of a schema. */
import type { z } from 'zod';
import { Corrupt } from '../errors.ts';

export type ParsedJson<T> =
  | { readonly ok: true; readonly value: T }
  /** `problem` ends a sentence such as "sha256:... is not a dataset: ". */
  | { readonly ok: false; readonly problem: string; readonly hint?: string; readonly cause: unknown };

/** Does not throw: only the caller knows whether a wrong text is a wrong argument or a damaged store. */
export function parseJson<T>(text: Uint8Array | string, schema: z.ZodType<T>): ParsedJson<T> {
  let json: unknown;
  try {
    json = JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    return { ok: false, problem: 'it is not JSON', cause };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const { error: cause } = parsed;
  const [issue] = cause.issues;
  if (issue?.path[0] === 'v') {
    const version = typeof json === 'object' && json !== null && 'v' in json ? JSON.stringify(json.v) : 'none';
    return { ok: false, problem: `unknown version ${version}`, hint: 'a newer Easel wrote it: use that one', cause };
  }
  return { ok: false, problem: `${issue?.path.join('.') || 'the document'}: ${issue?.message}`, cause };
}

/**
 * Parses a document that Easel wrote itself.
 * @param name Its key or digest, for errors.
 * @throws Corrupt when the bytes are not JSON, have an unknown version, or do not match the schema.
 */
export function parseDocument<T>(name: string, bytes: Uint8Array, schema: z.ZodType<T>): T {
  const parsed = parseJson(bytes, schema);
  if (parsed.ok) return parsed.value;
  const { problem, hint = 'delete it, or restore it from a copy', cause } = parsed;
  throw new Corrupt(`"${name}" cannot be read: ${problem}`, { hint, cause });
}
