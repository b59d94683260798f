/** @file Stored JSON that is read again and again: parsed once for each version, and then a look at the version is enough. */
import type { z } from 'zod';
import type { ObjectStore } from './types.ts';
import { readVersioned, type StoredVersion, type Versioned } from './versioned.ts';

export interface CachedReaderOptions<T> {
  readonly schema: z.ZodType<T>;
  /** What the schema cannot say of a document under its key. @throws Corrupt */
  check(key: string, value: T): void;
  /** How much of `capacity` a document takes. */
  weigh(value: T): number;
  readonly capacity: number;
}

/** Reads a document: as stored now, and as long as it is that version the very same value. @throws Corrupt */
export type CachedReader<T> = (key: string) => Promise<StoredVersion<T> | undefined>;

export function createCachedReader<T>(store: ObjectStore, options: CachedReaderOptions<T>): CachedReader<T> {
  /** The one used last is last. */
  const known = new Map<string, Versioned<T>>();
  let held = 0;

  function forget(key: string): void {
    const document = known.get(key);
    if (document && known.delete(key)) held -= options.weigh(document.value);
  }

  function remember(key: string, document: Versioned<T>): void {
    forget(key);
    known.set(key, document);
    held += options.weigh(document.value);
    for (const oldest of known.keys()) {
      if (held <= options.capacity) break;
      forget(oldest);
    }
  }

  return async key => {
    const remembered = known.get(key);
    const info = remembered && (await store.head(key));
    if (remembered && info?.etag === remembered.etag) {
      remember(key, remembered);
      return { ...remembered, lastModified: info.lastModified };
    }
    const read = await readVersioned(store, key, options.schema);
    if (read) {
      options.check(key, read.value);
      remember(key, read);
    } else forget(key);
    return read;
  };
}
