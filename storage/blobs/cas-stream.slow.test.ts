import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobMissing, Corrupt, Unprocessable } from '../../errors.ts';
import { digestOf } from '../digest.ts';
import { openFileStore } from '../drivers/file/file-store.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { blobKey } from '../keys.ts';
import type { ObjectStore } from '../types.ts';
import { createBlobStore, PIECE_BYTES } from './cas.ts';

let folder: string;
let stores: Readonly<Record<'memory' | 'file', ObjectStore>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-cas-'));
  stores = { memory: createMemoryStore(), file: await openFileStore(folder) };
});
afterAll(() => rm(folder, { recursive: true }));

/** Bytes that differ everywhere. */
function makeBytes(size: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at + seed, 0x9e3779b1) >>> 0, at);
  return bytes;
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** As {@link cut}, every piece in the memory of the one before. */
async function* cutIntoRoom(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const room = new Uint8Array(size);
  for await (const piece of cut(bytes, size)) {
    room.set(piece);
    yield room.subarray(0, piece.length);
  }
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe.each(['memory', 'file'] as const)('streams of blobs: %s', name => {
  it.each([0, 1, 1 << 20, (1 << 20) + 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 5])(
    'a stream of %i bytes is stored and read back',
    async size => {
      const blobs = createBlobStore(stores[name]);
      const bytes = makeBytes(size);
      const ref = await blobs.putStream(cut(bytes, 100_000), { mediaType: 'x/y', expected: digestOf(bytes) });
      expect(ref).toEqual({ digest: digestOf(bytes), size, media_type: 'x/y' });
      expect(await blobs.head(ref.digest)).toEqual(ref);
      expect(Buffer.compare(await blobs.get(ref.digest), bytes)).toBe(0);
      expect(Buffer.compare(await readAll(blobs.stream(ref.digest)), bytes)).toBe(0);
    },
  );

  it.each([1000, 1 << 20, (1 << 20) + 1, 3 << 20])(
    'a stream of %i bytes may write each chunk into the memory of the one before',
    async size => {
      const blobs = createBlobStore(stores[name]);
      const bytes = makeBytes(size, 4);
      for (const piece of [300, 100_000, 2 << 20]) {
        const { digest } = await blobs.putStream(cutIntoRoom(bytes, piece));
        expect(digest).toBe(digestOf(bytes));
        expect(Buffer.compare(await blobs.get(digest), bytes)).toBe(0);
        await stores[name].delete(blobKey(digest));
      }
    },
  );

  it.each([10, 2 << 20])('a stream of %i bytes with another digest is refused and not stored', async size => {
    const blobs = createBlobStore(stores[name]);
    const [bytes, expected] = [makeBytes(size, 1), digestOf('other')];
    await expect(blobs.putStream(cut(bytes, 65_536), { expected })).rejects.toBeInstanceOf(Unprocessable);
    expect(await blobs.head(digestOf(bytes))).toBeUndefined();
    expect(await blobs.head(expected)).toBeUndefined();
  });

  it('a stream that breaks stores nothing', async () => {
    const blobs = createBlobStore(stores[name]);
    const before = (await stores[name].list('')).objects.length;
    for (const size of [10, 2 << 20]) {
      async function* broken() {
        yield* cut(makeBytes(size, 2), 65_536);
        throw new Error('the sender went away');
      }
      await expect(blobs.putStream(broken())).rejects.toThrow('the sender went away');
    }
    expect((await stores[name].list('')).objects).toHaveLength(before);
    expect(await readdir(join(folder, '.easel/tmp'))).toEqual([]);
  });

  it('a stream that cannot be stored is closed', async () => {
    const blobs = createBlobStore({ ...stores[name], spool: chunks => takeOne(chunks) });
    let ended = false;
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(1 << 20);
      } finally {
        ended = true;
      }
    }
    await expect(blobs.putStream(endless())).rejects.toThrow('the disk is full');
    expect(ended).toBe(true);
  });

  it('a stream of a damaged blob fails before its last piece', async () => {
    const blobs = createBlobStore(stores[name]);
    const bytes = makeBytes(2 * PIECE_BYTES + 100, 3);
    const { digest } = await blobs.putStream(cut(bytes, 1 << 20));
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(5) ^ 1, 5);
    await stores[name].put(blobKey(digest), damaged);
    let arrived = 0;
    const reading = (async () => {
      for await (const piece of blobs.stream(digest)) arrived += piece.length;
    })();
    await expect(reading).rejects.toBeInstanceOf(Corrupt);
    expect(arrived).toBe(2 * PIECE_BYTES);
  });

  it('a stream of a missing blob is refused', async () => {
    const pieces = createBlobStore(stores[name]).stream(digestOf('absent'));
    await expect(readAll(pieces)).rejects.toBeInstanceOf(BlobMissing);
  });
});

it('a short stream needs no file, and a known blob is not written again', async () => {
  const memory = createMemoryStore();
  const calls: string[] = [];
  const blobs = createBlobStore({
    ...memory,
    spool: chunks => {
      calls.push('spool');
      return memory.spool(chunks);
    },
    put: (...args) => {
      calls.push('put');
      return memory.put(...args);
    },
  });
  await blobs.putStream(cut(makeBytes(1 << 20), 65_536));
  expect(calls).toEqual(['put']);
  await blobs.putStream(cut(makeBytes((1 << 20) + 1), 65_536));
  await blobs.putStream(cut(makeBytes((1 << 20) + 1), 65_536));
  expect(calls).toEqual(['put', 'spool', 'put', 'spool']);
});

async function takeOne(chunks: AsyncIterable<Uint8Array>): Promise<never> {
  for await (const _ of chunks) throw new Error('the disk is full');
  throw new Error('there was nothing');
}
