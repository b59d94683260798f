/** @file Reads the same documents many times: each version is parsed once, later reads only compare its etag. */
import type { z } from 'zod';
import type { ObjectStore } from '../types.ts';
import { readVersioned, type StoredVersion, type Versioned } from './versioned.ts';

export interface CachedReaderOptions<T> {
  readonly schema: z.ZodType<T>;
  /** Checks what the schema cannot, such as whether the document belongs under its key. @throws Corrupt */
  check(key: string, value: T): void;
  /** Share of `capacity` that a document takes. */
  weigh(value: T): number;
  readonly capacity: number;
}

/** Reads the document as stored now. Returns the same object as long as its version is the same. @throws Corrupt */
export type CachedReader<T> = (key: string) => Promise<StoredVersion<T> | undefined>;

export function createCachedReader<T>(store: ObjectStore, options: CachedReaderOptions<T>): CachedReader<T> {
  /** In the order of their last use. */
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
