/** @file Many objects of a folder store, written as files: much faster than by puts. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const AT_ONCE = 100;

/** Makes an object of one byte under each key. */
export async function fillFolder(folder: string, keys: readonly string[]): Promise<void> {
  const paths = keys.map(key => join(folder, key));
  for (const parent of new Set(paths.map(dirname))) await mkdir(parent, { recursive: true });
  for (let i = 0; i < paths.length; i += AT_ONCE) {
    await Promise.all(paths.slice(i, i + AT_ONCE).map(path => writeFile(path, 'x')));
  }
}
