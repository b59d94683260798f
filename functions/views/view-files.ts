/**
 * @file Writes the files of a view, which people browse with any S3 client. They derive from names and blobs, and no
 * code reads them for truth. The store itself copies files that are blobs (hard links in a folder); other files are
 * replaced by If-Match.
 */
import { Ambiguous, BlobMissing, Conflict, Internal, NotFound, PreconditionFailed } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { listAll } from '../../storage/list-all.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { isViewFile, type ViewLayout } from '../../storage/view-layout.ts';

export interface ViewFolder {
  readonly store: ObjectStore;
  /** Ends with "/": `experiments/portraits/`. */
  readonly prefix: string;
}

/** A view whose layout declares its files, so that gc knows them. */
export interface WritableView extends ViewFolder {
  readonly layout: ViewLayout;
}

/** Largest number of concurrent writes into one view. */
const WIDTH = 16;
const MAX_ATTEMPTS = 8;

/**
 * Replaces the content of a file. Writes nothing if the file has these bytes. @throws Conflict under endless
 * contention.
 */
export async function putFile(view: WritableView, file: string, body: Uint8Array, mediaType: string): Promise<void> {
  const key = keyOf(view, file);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const old = await view.store.get(key);
    if (old && Buffer.compare(old.body, body) === 0) return;
    try {
      await view.store.put(key, body, old ? { ifMatch: old.etag, mediaType } : { ifNoneMatch: '*', mediaType });
      return;
    } catch (error) {
      if (!isLostWrite(error)) throw error;
    }
  }
  throw new Conflict(`other calls keep writing ${key}`, { hint: 'try again' });
}

/** True if a conditional write did not change the key, or perhaps did not. The caller reads the key again. */
export function isLostWrite(error: unknown): boolean {
  return error instanceof PreconditionFailed || error instanceof Conflict || error instanceof Ambiguous;
}

/** Makes the file a copy of the blob. @throws BlobMissing */
export async function copyBlob(view: WritableView, file: string, digest: Digest): Promise<void> {
  const key = keyOf(view, file);
  try {
    await view.store.copy(blobKey(digest), key);
  } catch (cause) {
    if (!(cause instanceof NotFound)) throw cause;
    throw new BlobMissing(`there is no blob ${digest}`, {
      details: { digest },
      hint: 'repeat the call that made it',
      cause,
    });
  }
}

function keyOf({ prefix, layout }: WritableView, file: string): string {
  if (isViewFile(layout, file)) return prefix + file;
  throw new Internal(`no layout of a view declares ${file}`, { hint: 'declare it: gc deletes only declared files' });
}

/** Names of the stored files, relative to the view. */
export async function listFiles({ store, prefix }: ViewFolder): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const { key } of listAll(store, prefix)) files.add(key.slice(prefix.length));
  return files;
}

export function deleteFiles({ store, prefix }: ViewFolder, files: Iterable<string>): Promise<void> {
  return eachFile(files, file => store.delete(prefix + file));
}

/** Deletes the whole view: index.json first, since it states that the view is complete. */
export async function deleteView(view: ViewFolder): Promise<void> {
  await view.store.delete(`${view.prefix}index.json`);
  await deleteFiles(view, await listFiles(view));
}

/** Runs `work` for all files of a view, some at a time. */
export async function eachFile<T>(
  files: Iterable<T> | AsyncIterable<T>,
  work: (file: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  await mapBounded(files, { width: WIDTH, signal }, work);
}

/** Indented JSON: for programs, and for people who read the files of programs. */
export function encodeJson(value: Json): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
