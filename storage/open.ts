import { parseStoreFolder } from '../configs/store-folder.ts';
import { InvalidInput } from '../errors.ts';
import { type FileStoreOptions, openFileStore } from './drivers/file/file-store.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { withPatience } from './patience.ts';
import type { ObjectStore } from './types.ts';

const EXPECTED =
  '"file:DIR" (a folder), "s3://BUCKET?endpoint=http://HOST:PORT" (MinIO, S3) or "memory:" (lost with the process)';

export type OpenOptions = Pick<FileStoreOptions, 'mayBlock'>;

/**
 * Opens the store that EASEL_STORE names: `file:DIR` (absolute, or relative to the working directory),
 * `s3://BUCKET[/PREFIX]?endpoint=...` or `memory:`. Operations on a bucket wait while it is unreachable.
 * @throws InvalidInput for any other URL; for a bucket, the error that prevents reading it.
 */
export async function openStore(url: string, { mayBlock = false }: OpenOptions = {}): Promise<ObjectStore> {
  if (url === 'memory:') return createMemoryStore();
  const folder = parseStoreFolder(url);
  if (folder !== undefined) return openFileStore(folder, { mayBlock });
  if (/^s3:/i.test(url)) return openBucket(url);
  throw new InvalidInput(`"${url.slice(0, 200)}" does not name a store`, {
    expected: EXPECTED,
    ...(/^[./~]|^[\w-]+(\/|$)/.test(url) && { hint: `for a folder, write "file:${url}"` }),
  });
}

async function openBucket(url: string): Promise<ObjectStore> {
  // Loaded on demand: the SDK takes time and memory.
  const { openS3Store } = await import('./drivers/s3/s3-store.ts');
  const store = withPatience(openS3Store(url));
  // Finds wrong credentials and names now. A HEAD would not tell a missing bucket from a missing key.
  await store.list('', { limit: 1 });
  return store;
}
