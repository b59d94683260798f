/** @file Single members of a stored column. Neither the index nor a member needs the whole blob. */
import { Corrupt, InvalidInput, Unprocessable } from '../../errors.ts';
import { columnHeadBytes, type MemberSpan, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../digest.ts';
import type { BlobStore, ColumnSums } from '../types.ts';
import { fitsHead, fitsMember, START_BYTES } from './column-sums.ts';

/** Enough to tell the length of a column's index. */
const PREFIX_BYTES = 512;

/** The first bytes of a column, not verified, and the positions of the members that they tell. */
export interface ColumnHead {
  readonly bytes: Uint8Array;
  readonly spans: ReadonlyMap<string, MemberSpan>;
}

/** @throws BlobMissing, Corrupt; Unprocessable when the blob is no column. */
export async function readColumnHead(blobs: BlobStore, column: Digest): Promise<ColumnHead> {
  try {
    return await readHead(blobs, column);
  } catch (error) {
    if (!(error instanceof Unprocessable)) throw error;
    // Reading all of it tells whether it is damaged, or no column.
    await blobs.sumColumn(column, { again: true });
    return readHead(blobs, column);
  }
}

async function readHead(blobs: BlobStore, column: Digest): Promise<ColumnHead> {
  const prefix = await blobs.getRange(column, { start: 0, end: PREFIX_BYTES - 1 });
  const bytes = await blobs.getRange(column, { start: 0, end: columnHeadBytes(prefix) - 1 });
  return { bytes, spans: readColumnIndex(bytes) };
}

/** The positions of the members, not verified: for sizes and names. @throws as {@link readColumnHead} */
export async function readStoredIndex(blobs: BlobStore, column: Digest): Promise<ColumnHead['spans']> {
  return (await readColumnHead(blobs, column)).spans;
}

/** Reads single members of a column. */
export interface ColumnReader {
  readonly spans: ReadonlyMap<string, MemberSpan>;
  /**
   * The bytes of a member, in a buffer of their own; undefined if the column does not have it.
   * @throws BlobMissing; Corrupt, which names the blob and the member, if the stored bytes are wrong.
   */
  read(member: string): Promise<Uint8Array | undefined>;
  /** As `read`, of the first 128 bytes: the header of an npy file. */
  readStart(member: string): Promise<Uint8Array | undefined>;
}

/**
 * A stored column whose members are verified when they are read. The first opening on a machine reads all of it.
 * @param given Its head, if it was read already.
 * @throws BlobMissing, Corrupt; Unprocessable when the blob is no column.
 */
export async function openColumn(blobs: BlobStore, column: Digest, given?: ColumnHead): Promise<ColumnReader> {
  const opened = await openVerified(blobs, column, given);
  const spans = new Map([...opened.spans].map(([member, span], place) => [member, { ...span, place }]));
  let { sums } = opened;

  async function readVerified(member: string, most: number): Promise<Uint8Array | undefined> {
    const span = spans.get(member);
    if (span === undefined) return undefined;
    const part = { offset: span.offset, size: Math.min(span.size, most) };
    const fits = (bytes: Uint8Array) => fitsMember(sums, span.place, span.size, bytes);
    const bytes = await readSpan(blobs, column, part);
    if (fits(bytes)) return bytes;
    try {
      sums = await blobs.sumColumn(column, { again: true });
      const second = await readSpan(blobs, column, part);
      if (fits(second)) return second;
      throw unsteady(column);
    } catch (error) {
      throw error instanceof Corrupt ? nameMember(error, column, member) : error;
    }
  }

  return {
    spans,
    read: member => readVerified(member, Number.POSITIVE_INFINITY),
    readStart: member => readVerified(member, START_BYTES),
  };
}

/** A column in memory, whose bytes were verified. @throws Unprocessable when the blob is no column. */
export function openBytes(column: Uint8Array): ColumnReader {
  const spans = readColumnIndex(column);
  const read = async (member: string, most = Number.POSITIVE_INFINITY) => {
    const span = spans.get(member);
    return span && new Uint8Array(column.subarray(span.offset, span.offset + Math.min(span.size, most)));
  };
  return { spans, read: member => read(member), readStart: member => read(member, START_BYTES) };
}

/** Members that are shown to people, read without the rest of the column: not verified. @throws as `openColumn` */
export async function glanceAtColumn(blobs: BlobStore, column: Digest): Promise<Pick<ColumnReader, 'read'>> {
  const { spans } = await readColumnHead(blobs, column);
  return {
    async read(member) {
      const span = spans.get(member);
      if (span === undefined) return undefined;
      const bytes = await readSpan(blobs, column, span);
      if (bytes.length === span.size) return bytes;
      // Reading all of it tells the damage, and what to do.
      await blobs.sumColumn(column, { again: true });
      throw unsteady(column);
    },
  };
}

async function openVerified(
  blobs: BlobStore,
  column: Digest,
  given: ColumnHead | undefined,
): Promise<Pick<ColumnReader, 'spans'> & { readonly sums: ColumnSums }> {
  const first = given ?? (await readColumnHead(blobs, column));
  const known = await blobs.sumColumn(column);
  if (fitsHead(known, first.bytes, first.spans)) return { spans: first.spans, sums: known };
  // Either the head was damaged, or the sums that were remembered.
  const sums = await blobs.sumColumn(column, { again: true });
  const { bytes, spans } = await readColumnHead(blobs, column);
  if (fitsHead(sums, bytes, spans)) return { spans, sums };
  throw unsteady(column);
}

/** The bytes of a span; fewer if the column was cut short. @throws BlobMissing */
async function readSpan(blobs: BlobStore, column: Digest, { offset, size }: MemberSpan): Promise<Uint8Array> {
  // No range is empty.
  if (size === 0) return new Uint8Array();
  return blobs.getRange(column, { start: offset, end: offset + size - 1 }).catch((error: unknown) => {
    if (error instanceof InvalidInput) return new Uint8Array();
    throw error;
  });
}

function nameMember({ message, hint, details, cause }: Corrupt, column: Digest, member: string): Corrupt {
  return new Corrupt(`${message}; found when "${member}" was read`, {
    details: { ...details, digest: column, member },
    ...(hint !== undefined && { hint }),
    cause,
  });
}

function unsteady(column: Digest): Corrupt {
  return new Corrupt(`the blob ${column} is whole, but parts of it are read wrong`, {
    details: { digest: column },
    hint: 'check disk, memory and network of this machine, and repeat the call',
  });
}
