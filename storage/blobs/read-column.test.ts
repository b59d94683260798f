import { describe, expect, test } from 'vitest';
import { packColumn, readColumnIndex } from '../../formats/webdataset.ts';
import { digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { blobKey } from '../keys.ts';
import type { ObjectStore } from '../types.ts';
import { createBlobStore } from './cas.ts';
import { glanceAtColumn, openBytes, openColumn } from './read-column.ts';
import { createSumsMemory } from './sums-memory.ts';

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

test('single members of a column are read, also one without bytes, such as a missing caption', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const members = new Map([
    ['a.caption.txt', Buffer.from('a red hat')],
    ['b.caption.txt', Buffer.from('')],
    ['c.caption.txt', Buffer.from('c'.repeat(300))],
  ]);
  const column = packColumn(members);
  const { digest } = await blobs.put(column, 'application/x-tar');
  for (const reader of [await openColumn(blobs, digest), openBytes(column)]) {
    expect([...reader.spans.keys()]).toEqual([...members.keys()]);
    expect(text(await reader.read('a.caption.txt'))).toBe('a red hat');
    expect(await reader.read('b.caption.txt')).toEqual(new Uint8Array());
    expect(text(await reader.read('c.caption.txt'))).toBe('c'.repeat(300));
    expect(text(await reader.readStart('c.caption.txt'))).toBe('c'.repeat(128));
    expect(await reader.read('d.caption.txt')).toBeUndefined();
    expect(await reader.readStart('d.caption.txt')).toBeUndefined();
  }
  expect(text(await (await glanceAtColumn(blobs, digest)).read('a.caption.txt'))).toBe('a red hat');
});

describe('a damaged column', () => {
  const members = new Map(['a', 'b'].map(name => [name, new Uint8Array(5000).fill(1)]));
  const bytes = packColumn(members);
  const digest = digestOf(bytes);
  const start = readColumnIndex(bytes).get('b')?.offset ?? 0;
  /** Bytes of the second member, of its start, and of the size of a member and the name of another in the index. */
  const places = {
    member: start + 3000,
    start,
    size: Buffer.from(bytes).indexOf(',5000]') + 1,
    name: Buffer.from(bytes).indexOf('"b"') + 1,
  };

  async function spoil(store: ObjectStore, at: number): Promise<void> {
    await store.put(
      blobKey(digest),
      bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
    );
  }

  async function site() {
    const store = createMemoryStore();
    const sums = createSumsMemory();
    const blobs = createBlobStore(store, undefined, sums);
    await blobs.put(bytes);
    return { store, sums, blobs };
  }

  const damage = {
    code: 'corrupt',
    message: expect.stringContaining(`the blob ${digest} is damaged`),
    hint: expect.stringMatching(/^run "easel verify --repair".*delete "cas\/sha256/),
  };

  test.each([0.5, 0.99])('that was cut to %f of its length tells its damage', async share => {
    const { store, blobs } = await site();
    const { read } = await openColumn(blobs, digest);
    const glance = await glanceAtColumn(blobs, digest);
    await store.put(blobKey(digest), bytes.subarray(0, (bytes.length - 1024) * share));
    await expect(read('b')).rejects.toMatchObject(damage);
    await expect(glance.read('b')).rejects.toMatchObject(damage);
    await expect(openColumn(createBlobStore(store), digest)).rejects.toMatchObject(damage);
    await store.put(blobKey(digest), new Uint8Array());
    await expect(read('b')).rejects.toMatchObject(damage);
  });

  test('is found when the damaged member is read, and named with it; the others are read', async () => {
    const { store, blobs } = await site();
    const reader = await openColumn(blobs, digest);
    for (const at of [places.member, places.start]) {
      await spoil(store, at);
      expect(await reader.read('a')).toEqual(members.get('a'));
      await expect(reader.read('b')).rejects.toMatchObject({
        ...damage,
        message: expect.stringContaining('; found when "b" was read'),
        details: { digest, member: 'b' },
      });
      if (at === places.start) await expect(reader.readStart('b')).rejects.toMatchObject(damage);
      else expect(await reader.readStart('b')).toEqual(members.get('b')?.slice(0, 128));
    }
    await store.put(blobKey(digest), bytes);
    expect(await reader.read('b')).toEqual(members.get('b'));
  });

  test.each(Object.entries(places))('does not open again, whatever is damaged: %s', async (_, at) => {
    const { store, sums } = await site();
    await spoil(store, at);
    await expect(openColumn(createBlobStore(store), digest)).rejects.toMatchObject(damage);
    // With sums from before the damage, members are found out one by one, and the index at once.
    const healthy = await site();
    await healthy.blobs.sumColumn(digest);
    const known = await healthy.sums.read(digest);
    if (known) await sums.write(digest, known);
    const opened = openColumn(createBlobStore(store, undefined, sums), digest);
    await expect(opened.then(({ read }) => read('b'))).rejects.toMatchObject(damage);
  });

  test('in the cache of sums is not the damage of a column: the sums are made again', async () => {
    const { sums, blobs } = await site();
    const right = await blobs.sumColumn(digest);
    const wrongAt = (isWrong: (place: number) => boolean) => right.map((sum, i) => (isWrong(i) ? sum ^ 2 : sum));
    for (const wrong of [Uint32Array.of(1), wrongAt(i => i === 0), wrongAt(i => i > 0)]) {
      await sums.write(digest, wrong);
      const { read } = await openColumn(blobs, digest);
      expect(await read('b')).toEqual(members.get('b'));
      expect(await sums.read(digest)).toEqual(right);
    }
  });

  test('that is read wrong once is read again', async () => {
    const { store } = await site();
    let wrong = 0;
    const flaky: ObjectStore = {
      ...store,
      async get(key, range) {
        const found = await store.get(key, range);
        if (found === undefined || wrong-- <= 0) return found;
        return { ...found, body: found.body.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) };
      },
    };
    const { read } = await openColumn(createBlobStore(flaky), digest);
    wrong = 1;
    expect(await read('b')).toEqual(members.get('b'));
  });
});
