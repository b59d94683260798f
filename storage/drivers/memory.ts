/** @file A store in the memory of this process, for tests and trials. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { checkKey, compareKeys } from '../keys.ts';
import { mediaTypeOfKey } from '../media-type.ts';
import type { ListOptions, ListResult, ObjectStore, StoredObject } from '../types.ts';
import { checkCondition, etagOf, noSuchKey } from './conditions.ts';
import { collectPage } from './listing.ts';
import { resolveRange } from './range.ts';
import { isFileBody, spoolTo } from './spool.ts';

/** Several stores may share these objects, as processes share a folder. */
export type MemoryObjects = Map<string, StoredObject>;

/** @param now Milliseconds since the epoch, by the clock of the store. */
export function createMemoryStore(
  objects: MemoryObjects = new Map(),
  now: Clock['now'] = SYSTEM_CLOCK.now,
): ObjectStore {
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
      // A copy: slice() of a Buffer would be a view.
      const copy = isFileBody(body) ? new Uint8Array(await readFile(body.path)) : new Uint8Array(body);
      const etag = etagOf(copy);
      const mediaType = options.mediaType ?? mediaTypeOfKey(key);
      checkCondition(key, objects.get(key)?.etag, options);
      objects.set(key, { key, etag, size: copy.length, lastModified: new Date(now()), mediaType, body: copy });
      return { etag };
    },

    async copy(from, to) {
      checkKey(from);
      checkKey(to);
      const stored = objects.get(from);
      if (!stored) throw noSuchKey(from);
      objects.set(to, { ...stored, key: to, lastModified: new Date(now()) });
    },

    spool: chunks => spoolTo(tmpdir(), chunks),

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
