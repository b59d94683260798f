import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { blobKey } from '../keys.ts';
import { createBlobStore } from './cas.ts';
import { verifyBlob } from './verify-blob.ts';

test('a call reads a blob once, however many of its pages verify it, and another call reads it again', async () => {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const { digest } = await blobs.put(Buffer.from('archive'));
  let reads = 0;
  const counted = {
    stream(each: typeof digest) {
      reads++;
      return blobs.stream(each);
    },
  };
  const [one, other] = [new AbortController().signal, new AbortController().signal];
  await Promise.all([1, 2, 3].map(() => verifyBlob({ blobs: counted, signal: one }, digest)));
  await verifyBlob({ blobs: counted, signal: one }, digest);
  expect(reads).toBe(1);
  await store.put(blobKey(digest), Buffer.from('Archive'));
  await expect(verifyBlob({ blobs: counted, signal: other }, digest)).rejects.toMatchObject({
    code: 'corrupt',
    details: { digest: digestOf('archive') },
  });
  expect(reads).toBe(2);
});
