import { columnHeadBytes, type MemberSpan, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Enough to tell the length of a column's index. */
const PREFIX_BYTES = 512;

/** Reads single members of a stored column. */
export interface ColumnReader {
  /** The bytes of a member; undefined if the column does not have it. */
  read(member: string): Promise<Uint8Array | undefined>;
}

/** Reads the index of the column alone. @throws BlobMissing, Unprocessable */
export async function openColumn(blobs: BlobStore, column: Digest): Promise<ColumnReader> {
  const prefix = await blobs.getRange(column, { start: 0, end: PREFIX_BYTES - 1 });
  const head = await blobs.getRange(column, { start: 0, end: columnHeadBytes(prefix) - 1 });
  const spans: ReadonlyMap<string, MemberSpan> = readColumnIndex(head);
  return {
    async read(member) {
      const span = spans.get(member);
      return span && blobs.getRange(column, { start: span.offset, end: span.offset + span.size - 1 });
    },
  };
}
