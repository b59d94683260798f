/** @file The folder of a folder store, and its reserved part. */
import { InvalidInput } from '../errors.ts';
import { expandHome } from './home-path.ts';

/** Holds the files of a folder store that are not objects: temporary files, locks, keys. */
export const RESERVED_FOLDER = '.easel';

/**
 * The folder of `file:DIR`, also written `file:///DIR` or `file:~/DIR`; undefined if the store is not a folder.
 * @throws InvalidInput if the URL has no valid folder.
 */
export function parseStoreFolder(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const folder = url.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (folder === '' || folder.startsWith('//') || folder.includes('\0')) {
    throw new InvalidInput(`"${url}" names no folder`, { expected: 'such as "file:data/store" or "file:/srv/easel"' });
  }
  return expandHome(folder);
}
