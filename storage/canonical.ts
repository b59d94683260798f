import { InvalidInput } from '../errors.ts';
import { type Digest, digestOf } from './digest.ts';

/** Plain JSON data. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Canonical JSON (RFC 8785): keys sorted by UTF-16 code unit, no white space, numbers as ECMAScript prints them.
 * Keys whose value is `undefined` are left out, so an absent option and an undefined one have one digest.
 * @throws InvalidInput on a number that is not finite, or on anything that is not JSON.
 */
export function canonicalJson(value: Json | undefined): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new InvalidInput(`${value} has no JSON form`, { expected: 'finite numbers' });
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(item => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object') {
    const record = value as { readonly [key: string]: Json | undefined };
    const keys = Object.keys(record)
      .filter(key => record[key] !== undefined)
      .sort();
    return `{${keys.map(key => `${JSON.stringify(key)}:${canonicalJson(record[key])}`).join(',')}}`;
  }
  throw new InvalidInput(`a value of type ${typeof value} has no JSON form`, { expected: 'plain JSON data' });
}

/** sha256 over the canonical JSON: equal values have equal digests. */
export function canonicalDigest(value: Json): Digest {
  return digestOf(canonicalJson(value));
}
