import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BlobMissing, InvalidInput } from '../../errors.ts';
import { packColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { openColumn } from '../../storage/blobs/read-column.ts';
import { openSumsFolder } from '../../storage/blobs/sums-memory.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { blobKey } from '../../storage/keys.ts';
import { flipBit } from '../../storage/testing/folder-objects.ts';
import { type BlobClient, createBlobClient } from './blob-client.ts';

let folder = '';
let blobs: BlobClient;
const deaths: Error[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-blobs-'));
  blobs = createBlobClient({ storeUrl: `file:${join(folder, 'store')}`, cacheFolder: join(folder, 'cache') }, error =>
    deaths.push(error),
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('put stores the bytes as they were at the call, and the caller may change them afterwards', async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  const digest = digestOf(bytes);
  const view = bytes.subarray(1000, 2000);
  const viewDigest = digestOf(view);
  const both = Promise.all([blobs.put(bytes, 'application/x-test'), blobs.put(view)]);
  bytes.fill(7);
  const [whole, part] = await both;
  expect(whole).toEqual({ digest, size: 100_000, media_type: 'application/x-test' });
  expect(part.digest).toBe(viewDigest);
  expect(digestOf(await blobs.get(digest))).toBe(digest);
  expect(bytes.length).toBe(100_000);
});

test('accepts memory that cannot be transferred, and reads ranges and heads', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(10)).fill(3);
  shared[4] = 9;
  const { digest } = await blobs.put(shared);
  expect(await blobs.keep(digest)).toEqual(await blobs.head(digest));
  expect([...(await blobs.getRange(digest, { start: 3, end: 5 }))]).toEqual([3, 9, 3]);
  expect(await blobs.head(digest)).toMatchObject({ digest, size: 10 });
  expect(await blobs.head(digestOf('absent'))).toBeUndefined();
});

test('members of columns are verified by sums that the worker makes and leaves in the cache folder', async () => {
  const column = packColumn(new Map(['a', 'b'].map(name => [name, new Uint8Array(1000).fill(5)])));
  const { digest } = await blobs.put(column);
  const { read, spans } = await openColumn(blobs, digest);
  expect(await read('a')).toEqual(new Uint8Array(1000).fill(5));
  const elsewhere = createBlobStore(createMemoryStore());
  await elsewhere.put(column);
  expect(await openSumsFolder(join(folder, 'cache')).read(digest)).toEqual(await elsewhere.sumColumn(digest));
  await flipBit(join(folder, 'store', blobKey(digest)), (spans.get('a')?.offset ?? 0) + 200);
  await expect(read('a')).rejects.toMatchObject({ code: 'corrupt', details: { digest, member: 'a' } });
});

test('an error from the worker keeps its class', async () => {
  await expect(blobs.get(digestOf('absent'))).rejects.toThrow(BlobMissing);
});

test('closing waits for calls that have started', async () => {
  const last = blobs.put(new Uint8Array(5_000_000).fill(1));
  await blobs.close();
  expect((await last).size).toBe(5_000_000);
  expect(deaths).toEqual([]);
});

test('a store that cannot be opened is an error, and the process lives on', async () => {
  const client = createBlobClient({ storeUrl: 'ftp://nowhere' }, error => deaths.push(error));
  await expect(client.ready).rejects.toThrow(InvalidInput);
  await expect(client.ready).rejects.toThrow('ftp://nowhere');
  expect(deaths).toEqual([]);
});
