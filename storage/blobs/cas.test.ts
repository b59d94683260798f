import { beforeEach, describe, expect, it } from 'vitest';
import { Ambiguous, BlobMissing, Corrupt, InvalidInput } from '../../errors.ts';
import { digestOf, hexOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { blobKey, digestOfBlobKey } from '../keys.ts';
import type { BlobStore, ObjectStore } from '../types.ts';
import { createBlobStore } from './cas.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe('blobs', () => {
  let store: ObjectStore;
  let blobs: BlobStore;
  let puts: number;
  beforeEach(() => {
    const memory = createMemoryStore();
    puts = 0;
    store = {
      ...memory,
      put: (...args) => {
        puts++;
        return memory.put(...args);
      },
    };
    blobs = createBlobStore(store);
  });

  it('stores blobs under their digest, with their media type', async () => {
    const digest = digestOf('hello');
    const ref = { digest, size: 5, media_type: 'text/plain' };
    expect(await blobs.put(bytes('hello'), 'text/plain')).toEqual(ref);
    expect(await blobs.head(digest)).toEqual(ref);
    expect(await blobs.get(digest)).toEqual(bytes('hello'));
    const hex = hexOf(digest);
    expect((await store.list('')).objects.map(object => object.key)).toEqual([`cas/sha256/${hex.slice(0, 2)}/${hex}`]);
    expect((await blobs.put(bytes('other'))).media_type).toBe('application/octet-stream');
  });

  it('writes equal bytes once', async () => {
    await blobs.put(bytes('hello'));
    await blobs.put(bytes('hello'));
    expect(puts).toBe(1);
    await Promise.all(Array.from({ length: 20 }, () => blobs.put(bytes('at once'))));
    expect((await store.list('')).objects).toHaveLength(2);
  });

  it('verifies blobs when it reads them', async () => {
    const { digest } = await blobs.put(bytes('hello'));
    await store.put(blobKey(digest), bytes('jello'));
    const error = await blobs.get(digest).catch(error => error);
    expect(error).toBeInstanceOf(Corrupt);
    expect(error.message).toContain(digest);
    expect(error.hint).toContain(blobKey(digest));
  });

  it('repairs a truncated blob with a put', async () => {
    const { digest } = await blobs.put(bytes('hello'));
    await store.put(blobKey(digest), bytes('hel'));
    await blobs.put(bytes('hello'));
    expect(await blobs.get(digest)).toEqual(bytes('hello'));
  });

  it('reads ranges', async () => {
    const { digest } = await blobs.put(bytes('0123456789'));
    expect(await blobs.getRange(digest, { start: 2, end: 4 })).toEqual(bytes('234'));
    expect(await blobs.getRange(digest, { start: 8 })).toEqual(bytes('89'));
    await expect(blobs.getRange(digest, { start: 10 })).rejects.toBeInstanceOf(InvalidInput);
  });

  it('names a missing blob in its error', async () => {
    const digest = digestOf('absent');
    expect(await blobs.head(digest)).toBeUndefined();
    for (const read of [blobs.get(digest), blobs.getRange(digest, { start: 0 })]) {
      await expect(read).rejects.toMatchObject({ code: 'blob_missing', details: { digest } });
      await expect(read).rejects.toBeInstanceOf(BlobMissing);
    }
  });

  it('puts a blob again after a failure, committed or not', async () => {
    const memory = createMemoryStore();
    for (const commits of [true, false]) {
      const failing = createBlobStore({
        ...memory,
        put: async (...args) => {
          if (commits) await memory.put(...args);
          throw new Ambiguous('the connection broke');
        },
      });
      const body = bytes(`body ${commits}`);
      await expect(failing.put(body)).rejects.toBeInstanceOf(Ambiguous);
      const { digest } = await createBlobStore(memory).put(body);
      expect(await createBlobStore(memory).get(digest)).toEqual(body);
    }
  });

  it('hashes many slices as one, and yields to the event loop between them', async () => {
    for (const size of [(8 << 20) - 1, 8 << 20, (8 << 20) + 1, 20_000_003]) {
      const body = new Uint8Array(size);
      body[size - 1] = 1;
      let ticks = 0;
      const ticking = setInterval(() => ticks++, 0);
      const { digest } = await blobs.put(body);
      clearInterval(ticking);
      expect(digest).toBe(digestOf(body));
      expect((await blobs.get(digest)).length).toBe(size);
      if (size > 16 << 20) expect(ticks).toBeGreaterThan(0);
    }
  });

  it('finds the digest in the key of a blob', () => {
    const digest = digestOf('x');
    expect(digestOfBlobKey(blobKey(digest))).toBe(digest);
    for (const key of [
      'cas/sha256/00/ff',
      `cas/sha256/zz/${hexOf(digest)}`,
      `x/${blobKey(digest)}`,
      `cas/sha256/00/${hexOf(digest)}`,
    ]) {
      expect(digestOfBlobKey(key)).toBeUndefined();
    }
  });
});
