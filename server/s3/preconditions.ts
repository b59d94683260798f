/** @file Conditions of reads and writes, and ranges of reads (RFC 9110, sections 13.2.2 and 14). */
import type { Etag, ObjectInfo } from '../../storage/types.ts';
import { noSuchKey, S3Error } from './errors.ts';
import { matchesEtag } from './etag.ts';

/** @returns Whether the client already has this version (304). @throws S3Error PreconditionFailed */
export function isNotModified(headers: Headers, info: ObjectInfo): boolean {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  // HTTP dates have whole seconds.
  const modified = Math.floor(info.lastModified.getTime() / 1000) * 1000;
  const since = (name: string) => Date.parse(headers.get(name) ?? '');
  const failed = ifMatch === null ? modified > since('if-unmodified-since') : !matchesEtag(ifMatch, info.etag);
  if (failed) throw new S3Error('PreconditionFailed', 'the object is another version than the request names');
  return ifNoneMatch === null ? modified <= since('if-modified-since') : matchesEtag(ifNoneMatch, info.etag);
}

/**
 * Checks the conditions of a write.
 * @param current The version that is there.
 * @throws S3Error PreconditionFailed; NoSuchKey for If-Match on an absent key
 */
export function checkWrite(headers: Headers, key: string, current: Etag | undefined): void {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifMatch !== null && current === undefined) throw noSuchKey(key);
  if (ifMatch !== null && current !== undefined && !matchesEtag(ifMatch, current)) {
    throw new S3Error('PreconditionFailed', 'the object is another version than If-Match names');
  }
  if (ifNoneMatch !== null && current !== undefined && matchesEtag(ifNoneMatch, current)) {
    throw new S3Error('PreconditionFailed', 'the object is the version that If-None-Match excludes');
  }
}

/** First and last byte, both inclusive, cut to the object. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The requested range. Undefined: the whole object, also for a header that is malformed or names several ranges, and
 * for a version that If-Range does not name.
 * @throws S3Error InvalidRange if the range lies outside the object.
 */
export function readRange(headers: Headers, info: ObjectInfo): Span | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec((headers.get('range') ?? '').replaceAll(' ', '')) ?? [];
  if (first === '' && last === '') return undefined;
  const ifRange = headers.get('if-range');
  if (ifRange !== null && !matchesEtag(ifRange, info.etag)) return undefined;
  const start = first === '' ? Math.max(0, info.size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? info.size - 1 : Math.min(Number(last), info.size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start > end) {
    throw new S3Error('InvalidRange', `the range ${first}-${last} lies outside of the object's ${info.size} bytes`, {
      details: { size: info.size },
    });
  }
  return { start, end };
}
