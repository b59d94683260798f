import { expect, test } from 'vitest';
import { packColumn } from '../../formats/webdataset.ts';
import { createMemoryStore } from '../drivers/memory.ts';
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
