import { expect, test } from 'vitest';
import { createBlobStore } from '../blobs/cas.ts';
import { type Digest, digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { interceptStore } from '../intercept.ts';
import { blobKey } from '../keys.ts';
import type { ByteRange, ObjectStore } from '../types.ts';
import { findDamaged } from './rehash.ts';

const LARGE = 20 << 20;

async function putAll(store: ObjectStore, bodies: readonly Uint8Array[]) {
  const blobs = createBlobStore(store);
  return Promise.all(bodies.map(async body => ({ digest: (await blobs.put(body)).digest, size: body.length })));
}

/** Stores other bytes under the name, as a damaged disk does. */
async function spoil(store: ObjectStore, digest: Digest, body: Uint8Array): Promise<void> {
  await store.put(blobKey(digest), body);
}

test('finds a flipped bit, a missing end and a surplus end, and reports no intact blob', async () => {
  const store = createMemoryStore();
  const bodies = [
    new Uint8Array(LARGE).fill(7),
    Buffer.from('short'),
    Buffer.from('long'),
    new Uint8Array(),
    Buffer.from('whole'),
  ];
  const all = await putAll(store, bodies);
  const [large, short, long, empty] = all;
  if (!large || !short || !long || !empty) throw new Error('nothing was put');
  const flipped = new Uint8Array(LARGE).fill(7);
  flipped[LARGE - 1] = 6;
  await spoil(store, large.digest, flipped);
  await spoil(store, short.digest, Buffer.from('shor'));
  await spoil(store, long.digest, Buffer.from('long!'));
  await spoil(store, empty.digest, Buffer.from('not empty'));
  const damaged = await findDamaged(store, all);
  expect(damaged.map(blob => blob.digest).sort()).toEqual([large, short, long, empty].map(blob => blob.digest).sort());
});

test('reads a large blob in parts', async () => {
  const ranges: (ByteRange | undefined)[] = [];
  const memory = createMemoryStore();
  const store: ObjectStore = {
    ...memory,
    get(key, range) {
      ranges.push(range);
      return memory.get(key, range);
    },
  };
  const all = await putAll(memory, [new Uint8Array(LARGE)]);
  expect(await findDamaged(store, all)).toEqual([]);
  expect(ranges.length).toBeGreaterThan(1);
  for (const range of ranges) expect((range?.end ?? LARGE) - (range?.start ?? 0)).toBeLessThan(8 << 20);
});

test('does not report a blob that is deleted or repaired while it is read', async () => {
  const memory = createMemoryStore();
  const right = new Uint8Array(LARGE).fill(1);
  const [deleted, healed, shrunk] = await putAll(memory, [new Uint8Array(LARGE), right, Buffer.from('shrunk')]);
  if (!deleted || !healed || !shrunk) throw new Error('nothing was put');
  await spoil(memory, healed.digest, new Uint8Array(LARGE).fill(2));
  await spoil(memory, shrunk.digest, new Uint8Array(LARGE));
  const reads = new Map<string, number>();
  const store = interceptStore(memory, async ({ operation, key }, run) => {
    const nth = (reads.get(key) ?? 0) + 1;
    if (operation === 'get') reads.set(key, nth);
    if (nth === 2 && key === blobKey(deleted.digest)) await memory.delete(key);
    if (nth === 2 && key === blobKey(healed.digest)) await memory.put(key, right);
    if (nth === 2 && key === blobKey(shrunk.digest)) await memory.put(key, Buffer.from('shrunk'));
    return run();
  });
  expect(await findDamaged(store, [deleted, healed, shrunk])).toEqual([]);
});

test('reports each blob after reading it', async () => {
  const store = createMemoryStore();
  const all = await putAll(store, [Buffer.from('a'), Buffer.from('b')]);
  const told: Digest[] = [];
  await findDamaged(store, all, { onBlob: blob => void told.push(blob.digest) });
  expect(told.sort()).toEqual([digestOf('a'), digestOf('b')].sort());
});
