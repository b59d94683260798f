import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Internal } from '../errors.ts';
import { openFileStore } from './drivers/file/file-store.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { interceptStore } from './intercept.ts';
import { openStore } from './open.ts';
import { probeStore } from './probe.ts';
import { startLyingS3 } from './testing/lying-s3.ts';
import type { Etag, ObjectStore, PutOptions } from './types.ts';

describe('the probe', () => {
  it('accepts our drivers and leaves no objects', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'easel-probe-'));
    for (const store of [createMemoryStore(), await openFileStore(folder)]) {
      await Promise.all([probeStore(store), probeStore(store)]);
      expect((await store.list('')).objects).toEqual([]);
    }
    await rm(folder, { recursive: true });
  });

  it('removes objects of a probe killed an hour ago, and none of a running probe', async () => {
    const store = createMemoryStore();
    await store.put('probe/of-the-dead/single', Buffer.from('first'));
    await probeStore(store, Date.now() + 3_599_000);
    expect((await store.list('')).objects).toHaveLength(1);
    await probeStore(store, Date.now() + 3_601_000);
    expect((await store.list('')).objects).toEqual([]);
  });

  const memory = createMemoryStore();
  const pause = () => new Promise(resolve => setTimeout(resolve, 1));
  /** Known unfit stores, each with the promise that it breaks. */
  const UNFIT: Readonly<Record<string, readonly [changed: Partial<ObjectStore>, promise: string]>> = {
    'ignores all conditions': [{ put: (key, body) => memory.put(key, body) }, 'creating an existing key fails'],
    'ignores versions': [
      { put: (key, body, { ifMatch: _, ...options }: PutOptions = {}) => memory.put(key, body, options) },
      'replacing an old version fails',
    ],
    'accepts a version of an absent key': [
      {
        put: async (key, body, options = {}) => {
          const absent = (await memory.head(key)) === undefined;
          return memory.put(key, body, absent ? {} : options);
        },
      },
      'replacing an absent key fails',
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
    'compares before it writes, not atomically': [
      {
        put: async (key, body, options = {}) => {
          if (!options.ifMatch) return memory.put(key, body, options);
          const stored = await memory.head(key);
          await pause();
          return memory.put(key, body, stored?.etag === options.ifMatch ? {} : options);
        },
      },
      'of 32 concurrent replacements of one version one succeeds (32 did)',
    ],
    'lets one win and keeps the bytes of another': [
      {
        put: async (key, body, options = {}) => {
          const written = await memory.put(key, body, options);
          if (key.endsWith('raced')) await memory.put(key, Buffer.from('creations 31'));
          return written;
        },
      },
      'of concurrent creations the one that succeeded stays ("creations 0" did, read "creations 31")',
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
      'replacing the stored version succeeds',
    ],
    'loses written objects': [{ get: async () => undefined }, 'a read returns the written bytes'],
    'lists late': [{ list: async () => ({ objects: [], prefixes: [] }) }, 'a listing shows written objects'],
  };
  for (const [name, [changed, promise]] of Object.entries(UNFIT)) {
    it(`refuses a store that ${name}`, async () => {
      const probing = probeStore({ ...memory, url: 's3://bad', ...changed });
      await expect(probing).rejects.toBeInstanceOf(Internal);
      await expect(probing).rejects.toThrow(`the store s3://bad breaks a promise: ${promise}`);
    });
  }

  it('reports its observation and how to start anyway', async () => {
    const probing = probeStore({ ...memory, put: (key, body) => memory.put(key, body) });
    await expect(probing).rejects.toMatchObject({
      details: { promise: 'creating an existing key fails', seen: 'it was accepted' },
      hint: expect.stringContaining('STORE_PROBE=off'),
    });
  });

  it('leaves no objects after a failure of any operation, and throws that failure', async () => {
    const fine = createMemoryStore();
    let operations = 0;
    const count = interceptStore(fine, (_call, run) => {
      operations++;
      return run();
    });
    await probeStore(count);
    for (let n = 0; n < operations; n++) {
      const memory = createMemoryStore();
      const broken = new Error(`operation ${n} failed`);
      let left = n;
      const failing = interceptStore(memory, async (call, run) => {
        // Racers end late, as on a network.
        if (call.operation === 'put') await pause();
        if (left-- === 0 && call.operation !== 'delete') throw broken;
        return run();
      });
      const outcome = await probeStore(failing).catch((error: unknown) => error);
      expect([broken, undefined]).toContain(outcome);
      expect((await memory.list('')).objects, `operation ${n}`).toEqual([]);
    }
    expect(operations).toBeGreaterThan(75);
  });

  it('throws the first failure even when it cannot clean up', async () => {
    const denied: ObjectStore = {
      ...createMemoryStore(),
      get: async () => {
        throw new Error('reading is denied');
      },
      delete: async () => {
        throw new Error('deleting is denied');
      },
    };
    await expect(probeStore(denied)).rejects.toThrow('reading is denied');
    await expect(probeStore({ ...denied, get: createMemoryStore().get })).rejects.toThrow('breaks a promise');
    const undeletable: ObjectStore = { ...createMemoryStore(), delete: denied.delete };
    await expect(probeStore(undeletable)).rejects.toThrow('deleting is denied');
  });
});

describe('the probe over HTTP', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([
    ['ignores conditions', /creating an existing key fails \(it was accepted\)/],
    ['compares, then writes', /of 32 concurrent creations one succeeds \(\d+ did\)/],
    ['creates well', /of 32 concurrent replacements of one version one succeeds \(\d+ did\)/],
  ] as const)('refuses an S3 store that %s', async (lie, seen) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const server = await startLyingS3(lie);
    const store = await openStore(`s3://bucket?endpoint=${server.endpoint}`);
    await expect(probeStore(store)).rejects.toThrow(seen);
    expect(server.objects.size).toBe(0);
    await store.close();
    await server.close();
  });
});
