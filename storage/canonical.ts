import { InvalidInput } from '../errors.ts';
import { type Digest, digestOf } from './digest.ts';

/** Plain JSON data. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Canonical JSON (RFC 8785): keys sorted by UTF-16 code unit, no white space, numbers as ECMAScript prints them.
 * Keys whose value is `undefined` are left out, so an absent option and an undefined one have one digest.
 * @throws InvalidInput for a number that is not finite, or a value that is not JSON.
 */
export function canonicalJson(value: Json | undefined): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new InvalidInput(`${value} has no JSON form`, { expected: 'finite numbers' });
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(item => canonicalJson(item)).join(',')}]`;
  if (isPlainObject(value)) {
    const keys = Object.keys(value)
      .filter(key => value[key] !== undefined)
      .sort();
    return `{${keys.map(key => `${quote(key)}:${canonicalJson(value[key])}`).join(',')}}`;
  }
  throw new InvalidInput(`a value of type ${nameType(value)} has no JSON form`, { expected: 'plain JSON data' });
}

function quote(text: string): string {
  // RFC 8785, section 3.2.2.2: lone surrogates end the canonicalization.
  if (text.isWellFormed()) return JSON.stringify(text);
  throw new InvalidInput(`${JSON.stringify(text.slice(0, 100))} is not well-formed Unicode`, {
    expected: 'whole characters',
  });
}

/** Without this test, a Date, Map or typed array would pass as an empty object. */
function isPlainObject(value: unknown): value is { readonly [key: string]: Json | undefined } {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameType(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : typeof value;
}

/** sha256 over the canonical JSON: equal values have equal digests. */
export function canonicalDigest(value: Json): Digest {
  return digestOf(canonicalJson(value));
}

/**
 * Levels of arrays and objects around the innermost value; 0 for a plain value. Does not recurse, so depth is not
 * limited.
 */
export function jsonDepth(value: Json): number {
  let level: readonly Json[] = [value];
  for (let depth = 0; ; depth++) {
    const containers = level.filter(each => typeof each === 'object' && each !== null);
    if (containers.length === 0) return depth;
    level = containers.flatMap(each => Object.values(each).filter(child => child !== undefined));
  }
}
