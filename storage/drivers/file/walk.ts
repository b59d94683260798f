/**
 * @file Walks the keys below a folder in the order of an object store, which a directory tree does not have: "a-b" <
 * "a/b" < "ab".
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys, isKey, RESERVED_FOLDER } from '../../keys.ts';
import type { Cursor } from '../listing.ts';
import { codeOf, explain } from './failures.ts';

/** Keys with the prefix, in UTF-8 byte order. Skips folders without keys after the cursor. */
export async function* walkKeys(root: string, prefix: string, cursor: Cursor): AsyncGenerator<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  // No key has a prefix such as "../../", which must not lead out of the root.
  if (folder === '' || isKey(folder.slice(0, -1))) yield* walkFolder(root, folder, prefix, cursor);
}

/** @param folder "" for the root, otherwise with a "/" at the end. */
async function* walkFolder(root: string, folder: string, prefix: string, cursor: Cursor): AsyncGenerator<string> {
  for (const key of await readSorted(root, folder)) {
    if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
    if (!key.endsWith('/')) yield key;
    else if (hasKeysAfter(key, cursor.after)) yield* walkFolder(root, key, prefix, cursor);
  }
}

async function readSorted(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(error => {
    // The folder was removed meanwhile, or never existed.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw explain(error, folder);
  });
  const keys: string[] = [];
  for (const entry of entries) {
    const key = folder + entry.name;
    if (folder === '' && entry.name === RESERVED_FOLDER) continue;
    if (entry.isDirectory()) keys.push(`${key}/`);
    else if (entry.isFile() && isKey(key)) keys.push(key);
  }
  return keys.sort(compareKeys);
}

/** Whether a key that starts with `folder` can come after `after`. */
function hasKeysAfter(folder: string, after: Buffer): boolean {
  const start = Buffer.from(folder);
  return Buffer.compare(start, after.subarray(0, start.length)) >= 0;
}
