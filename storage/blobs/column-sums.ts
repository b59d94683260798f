/**
 * @file Checksums of the parts of a column. Only a whole blob has a digest. One verified read of the whole column makes
 * a CRC-32 of each part, and by these sums a member that is read alone is verified. The parts are: the head; of each
 * member its start, which tells its shape, and the rest. A CRC-32 finds damage, not malice: whoever can write to the
 * store can write other columns, too.
 */
import { crc32 } from 'node:zlib';
import { Unprocessable } from '../../errors.ts';
import { columnHeadBytes, type MemberSpan, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../digest.ts';
import type { ColumnSums } from '../types.ts';

/** Bytes of the start of a member: enough for the header of an npy file with few axes. */
export const START_BYTES = 128;

/** What a store of blobs remembers of columns, so that it reads a whole column once. May forget. */
export interface SumsMemory {
  read(column: Digest): Promise<ColumnSums | undefined>;
  write(column: Digest, sums: ColumnSums): Promise<void>;
}

interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * The sums of a column.
 * @param pieces Its bytes; the first piece has the head. They throw at their end if the column is damaged.
 * @throws what the pieces throw; Unprocessable when they are no column.
 */
export async function sumPieces(pieces: AsyncIterable<Uint8Array>): Promise<ColumnSums> {
  let parts: readonly Part[] = [];
  let sums: ColumnSums = new Uint32Array();
  let problem: unknown;
  let place = 0;
  let at = 0;
  for await (const piece of pieces) {
    if (at === 0) {
      try {
        parts = listParts(piece);
      } catch (error) {
        // Damage is found at the end of the pieces, and explains more.
        problem = error;
      }
      sums = new Uint32Array(parts.length);
    }
    const end = at + piece.length;
    for (let part = parts[place]; part !== undefined && part.start < end; part = parts[++place]) {
      sums[place] = crc32(piece.subarray(Math.max(0, part.start - at), part.end - at), sums[place]);
      if (part.end > end) break;
    }
    at = end;
  }
  if (problem !== undefined) throw problem;
  if (at === 0 || parts.some(part => part.end > at)) {
    throw new Unprocessable(`column: it has ${at} bytes, and its index names more`, {
      expected: 'a tar that begins with its index',
    });
  }
  return sums;
}

/** In the order of the column. @throws Unprocessable */
function listParts(piece: Uint8Array): Part[] {
  const parts: Part[] = [{ start: 0, end: columnHeadBytes(piece) }];
  for (const { offset, size } of readColumnIndex(piece).values()) {
    const middle = offset + Math.min(START_BYTES, size);
    parts.push({ start: offset, end: middle }, { start: middle, end: offset + size });
  }
  return parts;
}

/** Whether the bytes are the head of the column with these sums. @param spans The index in the head. */
export function fitsHead(sums: ColumnSums, head: Uint8Array, spans: ReadonlyMap<string, MemberSpan>): boolean {
  return sums.length === 1 + 2 * spans.size && sums[0] === crc32(head);
}

/**
 * Whether the bytes are a member, or its start alone.
 * @param place Number of the member in the column. @param size Bytes of the whole member.
 */
export function fitsMember(sums: ColumnSums, place: number, size: number, bytes: Uint8Array): boolean {
  if (crc32(bytes.subarray(0, START_BYTES)) !== sums[1 + 2 * place]) return false;
  const isStart = bytes.length === Math.min(START_BYTES, size);
  return isStart || (bytes.length === size && crc32(bytes.subarray(START_BYTES)) === sums[2 + 2 * place]);
}
