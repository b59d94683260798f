/** @file Which folder a store is, and what in it is no object. */
import { InvalidInput } from '../errors.ts';

/** Where a folder store keeps what is no object: temporary files, locks, keys. */
export const RESERVED_FOLDER = '.easel';

/**
 * The folder of `file:DIR`, also written `file:///DIR`; undefined if the store is not a folder.
 * @throws InvalidInput if the URL names no folder.
 */
export function parseStoreFolder(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const folder = url.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (folder === '' || folder.startsWith('//') || folder.includes('\0')) {
    throw new InvalidInput(`"${url}" names no folder`, { expected: 'such as "file:data/store" or "file:/srv/easel"' });
  }
  return folder;
}
