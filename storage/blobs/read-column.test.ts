import { expect, test } from 'vitest';
import { packColumn } from '../../formats/webdataset.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { blobKey } from '../keys.ts';
import { createBlobStore } from './cas.ts';
import { openColumn } from './read-column.ts';

test('single members of a column are read, also one without bytes, such as a missing caption', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const members = new Map([
    ['a.caption.txt', Buffer.from('a red hat')],
    ['b.caption.txt', Buffer.from('')],
  ]);
  const { digest } = await blobs.put(packColumn(members), 'application/x-tar');
  const { read } = await openColumn(blobs, digest);
  expect(Buffer.from((await read('a.caption.txt')) ?? []).toString()).toBe('a red hat');
  expect(await read('b.caption.txt')).toEqual(new Uint8Array());
  expect(await read('c.caption.txt')).toBeUndefined();
});

test.each([0.5, 0.99])('of a column that was cut to %f of its length, the damage is told', async share => {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const members = new Map(['a', 'b'].map(name => [name, new Uint8Array(5000).fill(1)]));
  const bytes = packColumn(members);
  const { digest } = await blobs.put(bytes);
  await store.put(blobKey(digest), bytes.subarray(0, (bytes.length - 1024) * share));
  const { read } = await openColumn(blobs, digest);
  await expect(read('b')).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(`the blob ${digest} is damaged`),
    hint: expect.stringContaining(`delete "${blobKey(digest)}"`),
  });
});
