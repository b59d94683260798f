import { canonicalJson, type Json } from '../../storage/canonical.ts';

/** `path (stored value, not asked value)` of every value that differs. */
export function listDifferences(
  stored: Json | undefined,
  asked: Json | undefined,
  path: readonly string[] = [],
): string[] {
  if (canonicalJson(stored ?? null) === canonicalJson(asked ?? null)) return [];
  if (isRecord(stored) && isRecord(asked)) {
    const keys = [...new Set([...Object.keys(stored), ...Object.keys(asked)])];
    return keys.flatMap(key => listDifferences(stored[key], asked[key], [...path, key]));
  }
  return [`${path.join('.')} (${show(stored)}, not ${show(asked)})`];
}

function show(value: Json | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
