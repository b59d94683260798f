import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { spoolTo, writeAll } from './spool.ts';

const SIZES = [0, 512, 1, 200_000, 511, 0, 65_535, 1, 70_000, 3];
const chunks = SIZES.map((size, i) => Uint8Array.from({ length: size }, (_, at) => (7 * i + at) % 251));

/** Every chunk in the memory of the one before. */
async function* inOneRoom() {
  const room = new Uint8Array(Math.max(...SIZES));
  for (const chunk of chunks) {
    room.set(chunk);
    yield room.subarray(0, chunk.length);
  }
}

async function* inTurn() {
  yield* chunks;
}

test.each([
  ['of their own', inTurn],
  ['of one room', inOneRoom],
])('small and large chunks in memory %s become one file with their digest', async (_, stream) => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-spool-'));
  try {
    const spooled = await spoolTo(folder, stream());
    const bytes = await readFile(spooled.path);
    expect(bytes.equals(Buffer.concat(chunks))).toBe(true);
    expect(spooled).toMatchObject({ size: bytes.length, digest: digestOf(bytes) });
    await spooled.discard();
    expect(await readdir(folder)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.each([0, 1, 3, 4, 9, 11])('a write that ends after %i bytes goes on with the rest', async most => {
  const written: number[] = [];
  const take = (bytes: Uint8Array) => {
    written.push(...bytes);
    return { bytesWritten: bytes.length };
  };
  // Only as much of a file as is written to.
  const file = {
    writev: async (parts: readonly Uint8Array[]) => take(Buffer.concat(parts).subarray(0, most)),
    write: async (part: Uint8Array, at: number) => take(part.subarray(at, at + 2)),
  } as unknown as Parameters<typeof writeAll>[0];
  const parts = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(), Uint8Array.of(5, 6, 7, 8, 9, 10, 11)];
  await writeAll(file, parts);
  expect(written).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});
