/** @file Listings with ListObjectsV2. Uses only what all stores do alike: StartAfter, and no continuation tokens. */
import { Internal } from '../../../errors.ts';
import { compareKeys, isKey, LAST_CHARACTER } from '../../keys.ts';
import type { ListOptions, ListResult, ObjectInfo } from '../../types.ts';
import { checkListOptions } from '../listing.ts';

/** Limit of S3 for one answer. */
const MAX_KEYS = 1000;

export interface PageQuery {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly startAfter: string | undefined;
  readonly maxKeys: number;
}

/** One answer of the store, with keys relative to the prefix of the store. */
export interface Page {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  /** More pages follow. */
  readonly truncated: boolean;
}

export type FetchPage = (query: PageQuery) => Promise<Page>;

/**
 * Makes one page of a listing. Leaves out entries that cannot be keys of ours (folder markers of other programs).
 * Requests every page by `startAfter`: with a delimiter other than "/", MinIO's continuation tokens do not move past a
 * roll-up.
 * @throws InvalidInput as {@link checkListOptions}; Internal when the store repeats a page for ever.
 */
export async function listPages(prefix: string, options: ListOptions, fetchPage: FetchPage): Promise<ListResult> {
  const { after, limit, delimiter } = checkListOptions(options);
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  const isInside = after !== '' && after.startsWith(prefix);
  // Stores differ in how they treat a start outside the prefix.
  if (!canBegin(prefix) || (!isInside && compareKeys(after, prefix) > 0)) return { objects, prefixes };

  let cursor = isInside ? after : undefined;
  const cut = delimiter === undefined ? -1 : after.indexOf(delimiter, prefix.length);
  if (cursor !== undefined && delimiter !== undefined && cut >= 0) {
    // Stores differ in whether a start inside a roll-up still shows it. So a request of its own finds out, and the
    // start moves past it.
    const rolledUp = after.slice(0, cut + delimiter.length);
    cursor = rolledUp + LAST_CHARACTER;
    if (after !== cursor && (await hasMore(rolledUp, after, fetchPage))) prefixes.push(rolledUp);
  }
  while (objects.length + prefixes.length < limit) {
    const maxKeys = Math.min(MAX_KEYS, limit - objects.length - prefixes.length);
    const page = await fetchPage({ prefix, delimiter, startAfter: cursor, maxKeys });
    const isNew = (entry: string) => cursor === undefined || compareKeys(entry, cursor) > 0;
    objects.push(...page.objects.filter(({ key }) => isKey(key) && isNew(key)));
    prefixes.push(...page.prefixes.filter(each => canBegin(each) && isNew(each + LAST_CHARACTER)));
    if (!page.truncated) return { objects, prefixes };
    const last = findLast(page);
    if (last === undefined || !isNew(last)) {
      throw new Internal(`the listing of "${prefix}" does not end: after "${cursor ?? ''}" the store repeats a page`);
    }
    cursor = last;
  }
  return { objects, prefixes, ...(cursor !== undefined && { next: cursor }) };
}

async function hasMore(prefix: string, after: string, fetchPage: FetchPage): Promise<boolean> {
  return (await listPages(prefix, { limit: 1, after }, fetchPage)).objects.length > 0;
}

/** The last key that the page covers. */
function findLast({ objects, prefixes }: Page): string | undefined {
  const ends = [...objects.slice(-1).map(({ key }) => key), ...prefixes.slice(-1).map(each => each + LAST_CHARACTER)];
  return ends.sort(compareKeys).at(-1);
}

function canBegin(prefix: string): boolean {
  return prefix === '' || isKey(prefix) || isKey(`${prefix}x`);
}
