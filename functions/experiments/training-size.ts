/** @file How large the pictures of a dataset are. */
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { columnHeadBytes, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Enough to tell the length of a column's index. */
const PREFIX_BYTES = 512;

/** Pixels of the first picture of the image column. @throws Unprocessable when there is none. */
export async function readImageSize(
  blobs: BlobStore,
  { pages }: Dataset,
): Promise<{ readonly width: number; readonly height: number }> {
  for (const { columns } of pages) {
    const size = columns.image && (await readFirst(blobs, columns.image));
    if (size) return size;
  }
  throw new Unprocessable('the dataset has no pictures', { expected: 'a dataset that went through bucket' });
}

/** A member is u8 [3, height, width]. */
async function readFirst(blobs: BlobStore, column: Digest) {
  const prefix = await blobs.getRange(column, { start: 0, end: PREFIX_BYTES - 1 });
  const head = await blobs.getRange(column, { start: 0, end: columnHeadBytes(prefix) - 1 });
  const [first] = readColumnIndex(head).values();
  if (first === undefined) return undefined;
  const bytes = await blobs.getRange(column, { start: first.offset, end: first.offset + first.size - 1 });
  const [channels, height, width] = decodeNpy(bytes).shape;
  if (channels === 3 && height !== undefined && width !== undefined) return { width, height };
  throw new Unprocessable(`the pictures in ${column} are not u8 [3, height, width]`, {
    expected: 'the image column that bucket makes',
  });
}
