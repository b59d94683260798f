/**
 * @file A prefix of a bucket as the source of an import. The environment lists the buckets, with their endpoints: a
 * call never says to which host the server connects.
 */
import { Forbidden, InvalidInput, NotFound } from '../../errors.ts';
import { parseS3Url } from '../../storage/drivers/s3/url.ts';
import { listAll } from '../../storage/list-all.ts';
import { openStore } from '../../storage/open.ts';
import type { ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../storage/types.ts';
import { type ImportSource, type SourceFile, sortByName } from './import-source.ts';
import { changedMeanwhile, READ_AGAIN } from './read-failure.ts';

/** As in a folder. */
const MAX_FILES = 1_000_000;

/**
 * Lists all objects below `s3://BUCKET/PREFIX`.
 * @param allowed Places of the environment: `s3://BUCKET[/PREFIX][?endpoint=...&region=...]`.
 * @throws InvalidInput, Forbidden if the place is not below one of them, and the errors of the store.
 */
export async function openBucket(
  asked: string,
  allowed: readonly string[],
  signal: AbortSignal,
  open: (url: string) => Promise<ObjectStore> = openStore,
): Promise<ImportSource> {
  const store = await open(resolvePlace(asked, allowed));
  try {
    const files: SourceFile[] = [];
    let hidden = 0;
    for await (const info of listAll(store, '', signal)) {
      // Consoles mark a folder by an empty object.
      if (info.key.endsWith('/')) continue;
      if (info.key.split('/').some(part => part.startsWith('.'))) hidden++;
      else files.push(fileOf(store, info));
      if (files.length > MAX_FILES) {
        throw new InvalidInput(`"${asked}" has more than ${MAX_FILES} objects`, { expected: `at most ${MAX_FILES}` });
      }
    }
    return { files: sortByName(files), rejects: [], hidden, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The URL of a store whose keys are those below the place. */
function resolvePlace(asked: string, allowed: readonly string[]): string {
  const place = parseS3Url(asked);
  if (place.endpoint !== undefined || place.region !== undefined) {
    throw new InvalidInput('the place of an import has no endpoint or region', {
      expected: 's3://BUCKET/PREFIX',
      hint: 'EASEL_IMPORT_BUCKETS of the server says where the bucket is',
    });
  }
  const root = allowed.map(parseS3Url).find(({ bucket, prefix }) => {
    return bucket === place.bucket && place.prefix.startsWith(prefix);
  });
  if (root === undefined) {
    throw new Forbidden(`"s3://${place.bucket}/${place.prefix}" lies outside the import buckets`, {
      expected: 'a place below one of those that EASEL_IMPORT_BUCKETS names',
      hint: 'start the server with EASEL_IMPORT_BUCKETS=s3://BUCKET/PREFIX, or download the files and import the folder',
    });
  }
  const query = new URL(root.url).search;
  return `s3://${place.bucket}/${place.prefix.split('/').map(encodeURIComponent).join('/')}${query}`;
}

function fileOf(store: ObjectStore, { key, size, etag }: ObjectInfo): SourceFile {
  const read = async (range?: ByteRange): Promise<Uint8Array> => {
    const stored: StoredObject | undefined = await store.get(key, range);
    if (stored !== undefined && stored.etag === etag) return stored.body;
    if (stored === undefined) throw new NotFound(`"${key}" was deleted while it was imported`, { hint: READ_AGAIN });
    throw changedMeanwhile(key);
  };
  return {
    name: key,
    size,
    read: () => read(),
    // No range is empty.
    readAt: async (at, length) => (length === 0 ? new Uint8Array() : read({ start: at, end: at + length - 1 })),
  };
}
