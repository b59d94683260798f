/** @file How a caller asks to be answered: the header `Prefer` (RFC 7240) and keys of the query, such as `?force`. */
import { InvalidInput } from '../errors.ts';

/** Longest wait of a call: one hour. */
const MAX_WAIT_SECONDS = 3600;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** What `?limit` means, for the documents of a route. @param entries In the plural. */
export function describeLimit(entries: string): string {
  return `most ${entries} in an answer: 1 to ${MAX_LIMIT}, default ${DEFAULT_LIMIT}`;
}

/** Seconds of `wait=N`. @throws InvalidInput if N is not a whole number. */
export function readWait(header: string | undefined, fallback: number): number {
  const value = preferences(header).get('wait');
  if (value === undefined) return fallback;
  if (!/^\d{1,9}$/.test(value)) {
    throw new InvalidInput(`Prefer: wait=${value.slice(0, 50)} is wrong`, {
      expected: 'whole seconds, as in "Prefer: wait=30"',
    });
  }
  return Math.min(Number(value), MAX_WAIT_SECONDS);
}

/** Whether the caller prefers `respond-async`. */
export function prefersAsync(header: string | undefined): boolean {
  return preferences(header).has('respond-async');
}

/** Whether a flag is on: `?flag`, `?flag=true` or `?flag=1`. @throws InvalidInput */
export function readFlag(value: string | undefined, name: string): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === '' || value === 'true' || value === '1') return true;
  throw new InvalidInput(`?${name}=${value.slice(0, 50)} is wrong`, { expected: `?${name} or ?${name}=false` });
}

/** Most entries of a list in one answer: `?limit`. @throws InvalidInput */
export function readLimit(text: string | undefined): number {
  const limit = Number(text ?? DEFAULT_LIMIT);
  if (text !== '' && Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidInput(`limit=${text?.slice(0, 50)} is wrong`, { expected: `a whole number from 1 to ${MAX_LIMIT}` });
}

function preferences(header: string | undefined): Map<string, string> {
  const parts = (header ?? '').split(/[,;]/).map(part => part.trim());
  return new Map(
    parts
      .filter(part => part !== '')
      .map(part => {
        const [name = '', value = ''] = part.split('=').map(text => text.trim());
        return [name.toLowerCase(), value.replace(/^"(.*)"$/, '$1')] as const;
      }),
  );
}
