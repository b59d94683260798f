/** @file Objects in the memory of this process: for tests, and for trying things out. */
import { checkCondition, etagOf } from '../conditions.ts';
import { checkKey, compareKeys } from '../keys.ts';
import { collectPage } from '../listing.ts';
import { mediaTypeOfKey } from '../media-type.ts';
import { resolveRange } from '../range.ts';
import type { ListOptions, ListResult, ObjectStore, StoredObject } from '../types.ts';

/** What several stores may share, as processes share a folder. */
export type MemoryObjects = Map<string, StoredObject>;

export function createMemoryStore(objects: MemoryObjects = new Map()): ObjectStore {
  return {
    url: 'memory:',

    async get(key, range) {
      checkKey(key);
      const stored = objects.get(key);
      if (!stored) return undefined;
      const { start, end } = resolveRange(stored.size, range);
      return { ...stored, body: stored.body.slice(start, end) };
    },

    async head(key) {
      checkKey(key);
      const stored = objects.get(key);
      return stored && infoOf(stored);
    },

    list: (prefix, options = {}) => listObjects(objects, prefix, options),

    async delete(key) {
      checkKey(key);
      objects.delete(key);
    },

    async put(key, body, options = {}) {
      checkKey(key);
      const current = objects.get(key);
      checkCondition(key, current?.etag, options);
      const etag = etagOf(body);
      const mediaType = options.mediaType ?? mediaTypeOfKey(key);
      // A fresh array, also of a Buffer, whose slice() would be a view.
      const copy = new Uint8Array(body);
      objects.set(key, { key, etag, size: copy.length, lastModified: new Date(), mediaType, body: copy });
      return { etag };
    },

    async close() {},
  };
}

async function listObjects(objects: MemoryObjects, prefix: string, options: ListOptions): Promise<ListResult> {
  const sorted = [...objects.keys()].filter(key => key.startsWith(prefix)).sort(compareKeys);
  const { keys, ...page } = await collectPage(prefix, options, () => sorted);
  return { ...page, objects: keys.flatMap(key => objects.get(key) ?? []).map(infoOf) };
}

function infoOf({ body: _, ...info }: StoredObject) {
  return info;
}
