/** @file Single members of a stored column. Neither the index nor a member needs the whole blob. */
import { InvalidInput, Unprocessable } from '../../errors.ts';
import { columnHeadBytes, type MemberSpan, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../digest.ts';
import type { BlobStore } from '../types.ts';

/** Enough to tell the length of a column's index. */
const PREFIX_BYTES = 512;

/** The positions of the members. @throws BlobMissing, Unprocessable when the blob is no column. */
export async function readStoredIndex(blobs: BlobStore, column: Digest): Promise<ReadonlyMap<string, MemberSpan>> {
  const prefix = await blobs.getRange(column, { start: 0, end: PREFIX_BYTES - 1 });
  return readColumnIndex(await blobs.getRange(column, { start: 0, end: columnHeadBytes(prefix) - 1 }));
}

/** Reads single members of a stored column. */
export interface ColumnReader {
  /** The bytes of a member; undefined if the column does not have it. */
  read(member: string): Promise<Uint8Array | undefined>;
}

/** Reads the index of the column alone. @throws as {@link readStoredIndex} */
export async function openColumn(blobs: BlobStore, column: Digest): Promise<ColumnReader> {
  const spans = await readStoredIndex(blobs, column);
  return {
    async read(member) {
      const span = spans.get(member);
      if (span === undefined) return undefined;
      return readSpan(blobs, column, span);
    },
  };
}

/**
 * Bytes of a member. Only a column that was cut short lacks some of them.
 * @throws BlobMissing; Corrupt, which names the blob, if the column is shorter than its index says.
 */
export async function readSpan(blobs: BlobStore, column: Digest, { offset, size }: MemberSpan): Promise<Uint8Array> {
  // No range is empty.
  if (size === 0) return new Uint8Array();
  const bytes = await blobs.getRange(column, { start: offset, end: offset + size - 1 }).catch((error: unknown) => {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  });
  if (bytes?.length === size) return bytes;
  // Reading all of it tells the damage, and what to do.
  await blobs.get(column);
  throw new Unprocessable(`the index of the column ${column} names bytes behind its end`);
}
