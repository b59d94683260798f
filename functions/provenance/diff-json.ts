/** @file Where two JSON values differ. */
import { z } from 'zod';
import { canonicalJson, type Json } from '../../storage/canonical.ts';

/** Any JSON value, in the schema of an answer. */
export const anyJsonSchema = z.json() as z.ZodType<Json>;

export interface JsonDifference {
  /** Keys and indices from the outside in: `params.prompts.1`; empty for the whole value. */
  readonly path: string;
  /** Null where there is nothing. */
  readonly before: Json;
  readonly after: Json;
}

/** The innermost differences, in the order of the keys. Arrays of unlike lengths differ as a whole. */
export function diffJson(before: Json | undefined, after: Json | undefined, path = ''): JsonDifference[] {
  if (before === undefined || after === undefined) return [{ path, before: before ?? null, after: after ?? null }];
  if (canonicalJson(before) === canonicalJson(after)) return [];
  const [one, other] = [entriesOf(before), entriesOf(after)];
  const isComparable = one && other && (!Array.isArray(before) || one.size === other.size);
  if (!isComparable || Array.isArray(before) !== Array.isArray(after)) return [{ path, before, after }];
  const keys = [...new Set([...one.keys(), ...other.keys()])];
  return keys.flatMap(key => diffJson(one.get(key), other.get(key), path === '' ? key : `${path}.${key}`));
}

function entriesOf(value: Json): Map<string, Json | undefined> | undefined {
  return typeof value === 'object' && value !== null
    ? new Map<string, Json | undefined>(Object.entries(value))
    : undefined;
}
