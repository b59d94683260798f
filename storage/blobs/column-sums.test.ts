import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import { packTar } from '../../formats/tar.ts';
import { columnHeadBytes, packColumn, readColumnIndex } from '../../formats/webdataset.ts';
import { fitsHead, fitsMember, START_BYTES, sumPieces } from './column-sums.ts';

/** Of lengths around that of a start, one of them 0. */
const members = new Map(
  [0, 1, START_BYTES - 1, START_BYTES, START_BYTES + 1, 5000].map((size, i) => [
    `${i}.image.npy`,
    Uint8Array.from({ length: size }, (_, j) => (7 * i + 13 * j) % 251),
  ]),
);
const column = packColumn(members);
const head = column.subarray(0, columnHeadBytes(column));
const spans = readColumnIndex(column);

async function* cut(bytes: Uint8Array, first: number, then: number) {
  yield bytes.subarray(0, first);
  for (let at = first; at < bytes.length; at += then) yield bytes.subarray(at, at + then);
}

describe('the sums of a column', () => {
  it.each([1, 127, 512, 513, 100_000])('are those of its parts, in pieces of %d bytes', async size => {
    const sums = await sumPieces(cut(column, head.length, size));
    const parts = [...members.values()].flatMap(bytes => [bytes.slice(0, START_BYTES), bytes.slice(START_BYTES)]);
    expect([...sums]).toEqual([head, ...parts].map(part => crc32(part)));
  });

  it('are not those of any other head, member or start', async () => {
    const sums = await sumPieces(cut(column, column.length, 1));
    expect(fitsHead(sums, head, spans)).toBe(true);
    expect(fitsHead(sums, head, new Map([...spans].slice(1)))).toBe(false);
    for (const [place, bytes] of [...members.values()].entries()) {
      expect(fitsMember(sums, place, bytes.length, bytes)).toBe(true);
      expect(fitsMember(sums, place, bytes.length, bytes.subarray(0, START_BYTES))).toBe(true);
      if (bytes.length > 1) expect(fitsMember(sums, place, bytes.length, bytes.subarray(1))).toBe(false);
      for (let at = 0; at < bytes.length; at += 61) {
        const flipped = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 4 : byte));
        expect(fitsMember(sums, place, bytes.length, flipped)).toBe(false);
        if (at < START_BYTES)
          expect(fitsMember(sums, place, bytes.length, flipped.subarray(0, START_BYTES))).toBe(false);
      }
    }
    const longest = [...members.values()].at(-1) ?? new Uint8Array();
    expect(fitsMember(sums, 5, longest.length, longest.subarray(0, 4999))).toBe(false);
  });

  it.each([
    ['no bytes', new Uint8Array()],
    ['no column', packTar([['a', Uint8Array.of(1)]])],
    ['a column that was cut', column.subarray(0, 7000)],
  ])('are refused for %s', async (_, bytes) => {
    await expect(sumPieces(cut(bytes, bytes.length, 1))).rejects.toBeInstanceOf(Unprocessable);
  });

  it('tell what the pieces throw rather than what is wrong with the index', async () => {
    async function* broken() {
      yield new Uint8Array(1024).fill(1);
      throw new RangeError('the end');
    }
    await expect(sumPieces(broken())).rejects.toThrow('the end');
  });
});
