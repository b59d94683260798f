/** @file Makes pages of a listing from sorted keys, for drivers that walk their own keys. */
import { InvalidInput } from '../../errors.ts';
import { LAST_CHARACTER } from '../keys.ts';
import type { ListOptions } from '../types.ts';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;

/** A walk may skip every key that is not after `after` (UTF-8 bytes). */
export interface Cursor {
  after: Buffer;
}

export interface KeyPage {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly next?: string;
}

/** The options with their defaults. @throws InvalidInput on a limit out of range or an empty delimiter. */
export function checkListOptions({ after = '', limit = DEFAULT_LIMIT, delimiter }: ListOptions) {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new InvalidInput(`the limit ${limit} is out of range`, { expected: `1 to ${MAX_LIMIT}` });
  }
  if (delimiter === '') throw new InvalidInput('the delimiter is empty', { expected: 'a delimiter such as "/"' });
  return { after, limit, delimiter };
}

/**
 * Collects one page. `walk` yields the keys with the prefix in UTF-8 byte order. The cursor moves while it walks, so
 * the walk can skip folders that are rolled up.
 * @throws InvalidInput as {@link checkListOptions}
 */
export async function collectPage(
  prefix: string,
  options: ListOptions,
  walk: (cursor: Cursor) => AsyncIterable<string> | Iterable<string>,
): Promise<KeyPage> {
  const { after, limit, delimiter } = checkListOptions(options);
  const cursor: Cursor = { after: Buffer.from(after) };
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  for await (const key of walk(cursor)) {
    const bytes = Buffer.from(key);
    if (Buffer.compare(bytes, cursor.after) <= 0) continue;
    if (keys.length + prefixes.length === limit) return { keys, prefixes, ...(last !== undefined && { next: last }) };
    const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    if (delimiter === undefined || cut < 0) {
      keys.push(key);
      last = key;
      cursor.after = bytes;
    } else {
      const rolledUp = key.slice(0, cut + delimiter.length);
      prefixes.push(rolledUp);
      last = rolledUp + LAST_CHARACTER;
      cursor.after = Buffer.from(last);
    }
  }
  return { keys, prefixes };
}
