import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Internal } from '../errors.ts';
import { openFileStore } from './drivers/file.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { probeStore } from './probe.ts';
import type { Etag, ObjectStore, PutOptions } from './types.ts';

describe('probe', () => {
  it('accepts our drivers and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'easel-probe-'));
    for (const store of [createMemoryStore(), await openFileStore(folder)]) {
      await Promise.all([probeStore(store), probeStore(store)]);
      expect((await store.list('')).objects).toEqual([]);
    }
    await rm(folder, { recursive: true });
  });

  const memory = createMemoryStore();
  const pause = () => new Promise(resolve => setTimeout(resolve, 1));
  /** Stores as they were met (storage.md 2.2), each with the promise it breaks. */
  const UNFIT: Readonly<Record<string, readonly [changed: Partial<ObjectStore>, promise: string]>> = {
    'ignores all conditions': [{ put: (key, body) => memory.put(key, body) }, 'creating what exists fails'],
    'ignores versions': [
      { put: (key, body, { ifMatch: _, ...options }: PutOptions = {}) => memory.put(key, body, options) },
      'replacing an old version fails',
    ],
    'accepts a version of what is absent': [
      {
        put: async (key, body, options = {}) => {
          const absent = (await memory.head(key)) === undefined;
          return memory.put(key, body, absent ? {} : options);
        },
      },
      'replacing what is absent fails',
    ],
    'checks before it writes, not atomically': [
      {
        put: async (key, body, options = {}) => {
          const stored = await memory.head(key);
          await pause();
          if (options.ifNoneMatch && !stored) return memory.put(key, body);
          return memory.put(key, body, options);
        },
      },
      'of 32 concurrent creations one succeeds (32 did)',
    ],
    'rejects a write and commits it': [
      {
        put: async (key, body, options = {}) => {
          try {
            return await memory.put(key, body, options);
          } finally {
            if (Buffer.compare(Buffer.from('stale'), body as Uint8Array) === 0) await memory.put(key, body);
          }
        },
      },
      'a rejected write changes nothing',
    ],
    'has one version for all': [
      { put: async (...args) => ({ ...(await memory.put(...args)), etag: '' as Etag }) },
      'replacing the version that is there succeeds',
    ],
    'loses what it was given': [{ get: async () => undefined }, 'reading gives what was written'],
    'lists late': [{ list: async () => ({ objects: [], prefixes: [] }) }, 'a listing shows what was written'],
  };
  for (const [name, [changed, promise]] of Object.entries(UNFIT)) {
    it(`refuses a store that ${name}`, async () => {
      const probing = probeStore({ ...memory, url: 's3://bad', ...changed });
      await expect(probing).rejects.toBeInstanceOf(Internal);
      await expect(probing).rejects.toThrow(`the store s3://bad breaks a promise: ${promise}`);
    });
  }

  it('passes on why a store does not answer', async () => {
    const denied: ObjectStore = {
      ...memory,
      put: async () => {
        throw new Error('AccessDenied');
      },
    };
    await expect(probeStore(denied)).rejects.toThrow('AccessDenied');
  });
});
