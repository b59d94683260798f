import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Corrupt, Unreachable } from '../../errors.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { ByteRange, ObjectStore } from '../../storage/types.ts';
import { type ReadOptions, readObject } from './read-object.ts';

const MIB = 1024 * 1024;
const PIECE = 4 * MIB;

let memory: ObjectStore;
let ranges: (ByteRange | undefined)[];
/** Happens before the n-th read of bytes. */
let before: (n: number) => Promise<unknown>;
let options: ReadOptions;

beforeEach(async () => {
  memory = createMemoryStore();
  ranges = [];
  before = async () => {};
  const store: ObjectStore = {
    ...memory,
    async get(key, range) {
      ranges.push(range);
      await before(ranges.length);
      return memory.get(key, range);
    },
  };
  options = { store, sha256Of: () => undefined };
  await memory.put('x', makeBytes(10 * MIB + 1, 1));
});
afterEach(() => memory.close());

function makeBytes(size: number, seed: number): Uint8Array {
  // Of a prime length, so that no two places of a piece look alike in the next.
  return Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => i ^ seed),
  );
}

const read = (headers: Record<string, string> = {}) => readObject(options, 'GET', 'x', new Headers(headers));
const bytesOf = async (answer: Response) => new Uint8Array(await answer.arrayBuffer());

describe('a large object', () => {
  it('a large object is read in pieces of a few mebibytes', async () => {
    const answer = await read();
    expect(Buffer.compare(await bytesOf(answer), makeBytes(10 * MIB + 1, 1))).toBe(0);
    expect(ranges).toEqual([
      { start: 0, end: PIECE - 1 },
      { start: PIECE, end: 2 * PIECE - 1 },
      { start: 2 * PIECE, end: 10 * MIB },
    ]);
  });

  it('only the requested range of a large object is read', async () => {
    const answer = await read({ range: `bytes=${PIECE - 1}-${2 * PIECE}` });
    expect([answer.status, answer.headers.get('content-length')]).toEqual([206, String(PIECE + 2)]);
    const expected = makeBytes(10 * MIB + 1, 1).subarray(PIECE - 1, 2 * PIECE + 1);
    expect(Buffer.compare(await bytesOf(answer), expected)).toBe(0);
    expect(ranges).toHaveLength(2);
  });

  it('a large object is read only as fast as the client takes it', async () => {
    const answer = await read();
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(ranges.length).toBeLessThan(3);
  });

  it('the answer breaks off if the object is replaced: no answer mixes two versions', async () => {
    for (const size of [10 * MIB + 1, 100]) {
      before = async n => n === 2 && memory.put('x', makeBytes(size, 2));
      const answer = await read();
      await expect(bytesOf(answer)).rejects.toThrow('replaced while it was read');
      ranges = [];
      await memory.put('x', makeBytes(10 * MIB + 1, 1));
    }
  });
});

describe('an object that is replaced between the first look and the first byte', () => {
  it('an object replaced before its first byte is answered in the new version', async () => {
    for (const size of [10 * MIB + 1, 100, 0]) {
      before = async n => n === 1 && memory.put('x', makeBytes(size, 3));
      const answer = await read();
      expect(answer.headers.get('content-length')).toBe(String(size));
      expect(Buffer.compare(await bytesOf(answer), makeBytes(size, 3))).toBe(0);
      ranges = [];
      await memory.put('x', makeBytes(10 * MIB + 1, 1));
    }
  });

  it('an object deleted before its first byte is not found', async () => {
    before = () => memory.delete('x');
    await expect(read()).rejects.toMatchObject({ code: 'NoSuchKey' });
  });

  it('an object replaced over and over is given up', async () => {
    before = n => memory.put('x', makeBytes(100, n));
    await expect(read()).rejects.toMatchObject({ code: 'SlowDown' });
  });
});

it('failures of the store are passed on, at the start and in the middle', async () => {
  before = async () => {
    throw new Unreachable('the disk is away');
  };
  await expect(read()).rejects.toThrow('the disk is away');
  before = async n => {
    if (n === 3) throw new Corrupt('the disk is broken');
  };
  await expect(bytesOf(await read())).rejects.toThrow('the disk is broken');
});
