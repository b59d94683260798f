/** @file Listings over ListObjectsV2, whose `start-after` is trusted with no more than what every store agrees on. */

import { compareKeys, isKey, LAST_CHARACTER } from '../keys.ts';
import { checkListOptions } from '../listing.ts';
import type { ListOptions, ListResult, ObjectInfo } from '../types.ts';

/** S3's own limit of one answer. */
const MAX_KEYS = 1000;

export interface PageQuery {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly startAfter: string | undefined;
  /** Of the page before, instead of `startAfter`. */
  readonly token: string | undefined;
  readonly maxKeys: number;
}

/** One answer of the store, its keys as callers name them. */
export interface Page {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  /** Absent: it is the last one. */
  readonly token?: string;
}

/**
 * A listing as every driver gives it. What is listed but could be no key of ours (folder markers of other programs) is left out.
 * @throws InvalidInput as {@link checkListOptions}
 */
export async function listPages(
  prefix: string,
  options: ListOptions,
  fetchPage: (query: PageQuery) => Promise<Page>,
): Promise<ListResult> {
  const { after, limit, delimiter } = checkListOptions(options);
  const nothing: ListResult = { objects: [], prefixes: [] };
  if (!canBegin(prefix)) return nothing;
  // Stores differ in what they make of a start outside the prefix.
  if (compareKeys(after, prefix) > 0 && !after.startsWith(prefix)) return nothing;
  const inside = after !== '' && after.startsWith(prefix) ? after : undefined;

  const objects: ObjectInfo[] = [];
  const prefixes = new Set<string>();
  let startAfter = inside;
  // And in whether a start within what is rolled up shows the rest of it: asked for by itself, and then passed over.
  const rolledUp = inside === undefined ? undefined : rollUp(inside, prefix, delimiter);
  if (rolledUp !== undefined) {
    startAfter = rolledUp + LAST_CHARACTER;
    if (after !== startAfter && (await hasMore(rolledUp, after, fetchPage))) prefixes.add(rolledUp);
    if (prefixes.size === limit) return { ...nothing, prefixes: [...prefixes], next: startAfter };
  }

  const isNew = (entry: string) => startAfter === undefined || compareKeys(entry, startAfter) > 0;
  for (let token: string | undefined; ; ) {
    const maxKeys = Math.min(MAX_KEYS, limit - objects.length - prefixes.size);
    const page = await fetchPage({ prefix, delimiter, startAfter, token, maxKeys });
    objects.push(...page.objects.filter(({ key }) => isKey(key) && isNew(key)));
    for (const each of page.prefixes) if (canBegin(each) && isNew(each + LAST_CHARACTER)) prefixes.add(each);
    token = page.token;
    if (token === undefined) return { objects, prefixes: [...prefixes] };
    if (objects.length + prefixes.size >= limit) {
      return { objects, prefixes: [...prefixes], next: findLast(objects, [...prefixes]) };
    }
  }
}

/** The common prefix under which the key is rolled up, if it is. */
function rollUp(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
  return cut < 0 ? undefined : key.slice(0, cut + (delimiter?.length ?? 0));
}

async function hasMore(prefix: string, after: string, fetchPage: (query: PageQuery) => Promise<Page>) {
  const { objects } = await listPages(prefix, { limit: 1, after }, fetchPage);
  return objects.length > 0;
}

function findLast(objects: readonly ObjectInfo[], prefixes: readonly string[]): string {
  const ends = [...objects.slice(-1).map(({ key }) => key), ...prefixes.slice(-1).map(each => each + LAST_CHARACTER)];
  return ends.sort(compareKeys).at(-1) ?? '';
}

function canBegin(prefix: string): boolean {
  return prefix === '' || isKey(prefix) || isKey(`${prefix}x`);
}
