import { parseStoreFolder } from '../configs/store-folder.ts';
import { InvalidInput } from '../errors.ts';
import { openFileStore } from './drivers/file/file-store.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { withPatience } from './patience.ts';
import type { ObjectStore } from './types.ts';

const EXPECTED =
  '"file:DIR" (a folder), "s3://BUCKET?endpoint=http://HOST:PORT" (MinIO, S3) or "memory:" (lost when the process ends)';

/**
 * Opens the store that EASEL_STORE names: `file:DIR` (absolute, or relative to the working directory), `s3://BUCKET[/PREFIX]?endpoint=...`,
 * which is waited for when it is away, or `memory:`.
 * @throws InvalidInput, and of a bucket what stands in the way of reading it.
 */
export async function openStore(url: string): Promise<ObjectStore> {
  if (url === 'memory:') return createMemoryStore();
  const folder = parseStoreFolder(url);
  if (folder !== undefined) return openFileStore(folder);
  if (/^s3:/i.test(url)) return openBucket(url);
  throw new InvalidInput(`"${url.slice(0, 200)}" names no store`, {
    expected: EXPECTED,
    ...(/^[./~]|^[\w-]+(\/|$)/.test(url) && { hint: `for a folder, write "file:${url}"` }),
  });
}

async function openBucket(url: string): Promise<ObjectStore> {
  // Loaded when it is needed: the SDK takes its time and memory.
  const { openS3Store } = await import('./drivers/s3/s3-store.ts');
  const store = withPatience(openS3Store(url));
  // Wrong credentials and names are told now, by a request whose answer says which: HEAD would call a missing bucket a missing key.
  await store.list('', { limit: 1 });
  return store;
}
