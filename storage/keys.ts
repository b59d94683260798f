/** @file Valid keys, and the keys of blobs and results. */
import { RESERVED_FOLDER } from '../configs/store-folder.ts';
import { InvalidInput } from '../errors.ts';
import { type Digest, hexOf, isDigest } from './digest.ts';

export { RESERVED_FOLDER };

/** Limit of S3. */
const MAX_KEY_BYTES = 1024;
/** Limit of file systems for one name. */
const MAX_SEGMENT_BYTES = 255;
/** Larger than every code point in a key, so that `prefix + LAST_CHARACTER` sorts after all keys with the prefix. */
export const LAST_CHARACTER = '\u{10FFFF}';

/**
 * A key is a relative path with `/`: at most 1,024 bytes of UTF-8, at most 255 in each segment, and no segment is
 * empty, `.` or `..`.
 * @throws InvalidInput naming what is wrong with the key.
 */
export function checkKey(key: string): void {
  const problem = findProblem(key);
  if (problem === undefined) return;
  throw new InvalidInput(`the key ${JSON.stringify(key.slice(0, 200))} ${problem}`, {
    expected: 'a relative path such as "refs/datasets/portraits.json"',
  });
}

function findProblem(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (!key.isWellFormed()) return 'is not well-formed Unicode';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern finds control characters to refuse them
  if (/[\x00-\x1f\x7f]/.test(key)) return 'has a control character';
  if (key.includes(LAST_CHARACTER)) return 'has the character U+10FFFF';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `has more than ${MAX_KEY_BYTES} bytes`;
  const segments = key.split('/');
  if (segments[0] === RESERVED_FOLDER) return `lies in ${RESERVED_FOLDER}/, which is reserved`;
  for (const segment of segments) {
    if (segment === '') return 'has an empty segment';
    if (segment === '.' || segment === '..') return `has the segment "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment of more than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return undefined;
}

export function isKey(key: string): boolean {
  return findProblem(key) === undefined;
}

/** Orders keys by their UTF-8 bytes, as listings do. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** `cas/sha256/ab/<hex>` */
export function blobKey(digest: Digest): string {
  const hex = hexOf(digest);
  return `cas/sha256/${hex.slice(0, 2)}/${hex}`;
}

/** The digest in the key of a blob; undefined for other keys. */
export function digestOfBlobKey(key: string): Digest | undefined {
  const [, shard, hex] = /^cas\/sha256\/([0-9a-f]{2})\/([0-9a-f]{64})$/.exec(key) ?? [];
  const digest = `sha256:${hex}`;
  return hex?.startsWith(shard ?? '') && isDigest(digest) ? digest : undefined;
}

/** `actions/<fn>/<hex>.json` */
export function actionKey(functionName: string, action: Digest): string {
  return `actions/${functionName}/${hexOf(action)}.json`;
}
