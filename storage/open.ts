import { InvalidInput } from '../errors.ts';
import { openFileStore } from './drivers/file.ts';
import { createMemoryStore } from './drivers/memory.ts';
import type { ObjectStore } from './types.ts';

const EXPECTED = '"file:DIR" (a folder) or "memory:" (lost when the process ends)';

/** Opens the store that EASEL_STORE names: `file:DIR` (absolute, or relative to the working directory) or `memory:`. @throws InvalidInput */
export async function openStore(url: string): Promise<ObjectStore> {
  if (url === 'memory:') return createMemoryStore();
  if (url.startsWith('file:')) return openFileStore(parseFolder(url));
  if (/^s3:/i.test(url)) {
    throw new InvalidInput('S3 stores are not supported by this version', { expected: EXPECTED });
  }
  throw new InvalidInput(`"${url.slice(0, 200)}" names no store`, {
    expected: EXPECTED,
    ...(/^[./~]|^[\w-]+(\/|$)/.test(url) && { hint: `for a folder, write "file:${url}"` }),
  });
}

/** `file:DIR`, also written `file:///DIR`. */
function parseFolder(url: string): string {
  const folder = url.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (folder === '' || folder.startsWith('//') || folder.includes('\0')) {
    throw new InvalidInput(`"${url}" names no folder`, { expected: 'such as "file:data/store" or "file:/srv/easel"' });
  }
  return folder;
}
