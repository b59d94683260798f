/**
 * @file A column of a page: an uncompressed tar that WebDataset can read. A comment before its members has their
 * positions: { "v": 1, "members": { name: [offset, size] } }, with offsets from the start of the archive. So one range
 * request reads one member, and other readers of tars see the members alone.
 */
import { Internal, Unprocessable } from '../errors.ts';
import { BLOCK_BYTES, commentBytes, headerBytes, packTar, readTar, readTarComment, roundUp, streamTar } from './tar.ts';

/** First member of columns that were written before the comment held the positions. */
const FORMER_INDEX_NAME = 'index.json';

export interface MemberSpan {
  /** Byte at which the member starts in the column. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Packs members in the given order. Equal members give equal bytes. */
export function packColumn(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return packTar(members, makeIndex(sizesOf(members)));
}

/** The column of {@link packColumn} in pieces, so that large members are not copied. */
export function streamColumn(members: ReadonlyMap<string, Uint8Array>): AsyncGenerator<Uint8Array> {
  return streamTar(members, makeIndex(sizesOf(members)));
}

/**
 * The column of {@link packColumn} in pieces, of members that are made while it is read. So memory never holds all.
 * @param sizes Bytes of each member, in the order of the members: they precede them in the column.
 * @throws Internal if a member does not keep its place or size.
 */
export function streamMade(
  sizes: ReadonlyMap<string, number>,
  members: AsyncIterable<readonly [name: string, body: Uint8Array]>,
): AsyncGenerator<Uint8Array> {
  return streamTar(checkMade(sizes, members), makeIndex(sizes));
}

async function* checkMade(
  sizes: ReadonlyMap<string, number>,
  members: AsyncIterable<readonly [string, Uint8Array]>,
): AsyncGenerator<readonly [string, Uint8Array]> {
  const expected = sizes.entries();
  for await (const member of members) {
    const [name, { length }] = member;
    const [place, size] = expected.next().value ?? [];
    if (name === place && length === size) yield member;
    else throw new Internal(`a column got "${name}" of ${length} bytes where it expected "${place}" of ${size}`);
  }
  const [missing] = expected.next().value ?? [];
  if (missing !== undefined) throw new Internal(`a column did not get its member "${missing}"`);
}

function sizesOf(members: ReadonlyMap<string, Uint8Array>): Map<string, number> {
  return new Map([...members].map(([name, { length }]) => [name, length]));
}

/** The bytes of columns without members: as they are written, and as they were. */
export const EMPTY_COLUMNS: readonly Uint8Array[] = [
  packColumn(new Map()),
  packTar([[FORMER_INDEX_NAME, Buffer.from('{"v":1,"members":{}}')]]),
];

/** Views of all members, in their order. @throws Unprocessable when the index does not fit the archive. */
export function readColumn(bytes: Uint8Array): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  for (const [name, { offset, size }] of readColumnIndex(bytes)) {
    if (offset + size > bytes.length) throw malformed(`"${name}" ends at byte ${offset + size} of ${bytes.length}`);
    members.set(name, bytes.subarray(offset, offset + size));
  }
  return members;
}

/**
 * The positions of the members. `head`: at least the first {@link columnHeadBytes} of a column. @throws Unprocessable
 */
export function readColumnIndex(head: Uint8Array): Map<string, MemberSpan> {
  const { end, index } = readHead(head);
  if (index === undefined) throw malformed(`${head.length} bytes do not hold the index of ${end} bytes`);
  const spans = Object.entries(parseIndex(index)).map(([name, span]) => {
    if (!isPair(span)) throw malformed(`"${name}" has the span ${JSON.stringify(span)}`);
    return { name, offset: span[0], size: span[1] };
  });
  // Parsed objects do not keep the order of keys that look like numbers.
  spans.sort((a, b) => a.offset - b.offset);
  let reached = end;
  for (const { name, offset, size } of spans) {
    if (offset < reached + BLOCK_BYTES || offset % BLOCK_BYTES !== 0 || size < 0) {
      throw malformed(`"${name}" has ${size} bytes at ${offset} where byte ${reached} was reached`);
    }
    reached = offset + roundUp(size);
  }
  return new Map(spans.map(({ name, offset, size }) => [name, { offset, size }]));
}

/** Bytes that {@link readColumnIndex} needs from the start, computed from the first 512. */
export function columnHeadBytes(head: Uint8Array): number {
  return readHead(head).end;
}

/** Without the first `end` bytes, the index is absent. */
function readHead(head: Uint8Array): { readonly end: number; readonly index?: string | undefined } {
  const found = readTarComment(head);
  if (found) return { end: found.end, index: found.comment };
  const name = Buffer.from(head.subarray(0, FORMER_INDEX_NAME.length + 1)).toString('latin1');
  if (head.length < BLOCK_BYTES || name !== `${FORMER_INDEX_NAME}\0`)
    throw malformed('it does not begin with an index');
  const size = Number.parseInt(Buffer.from(head.subarray(124, 135)).toString('latin1'), 8);
  if (Number.isNaN(size)) throw malformed('the header of the index is damaged');
  const end = BLOCK_BYTES + roundUp(size);
  if (head.length < end) return { end };
  const [entry] = readTar(head.subarray(0, end));
  return { end, index: Buffer.from(entry?.body ?? '').toString('utf8') };
}

/**
 * The offsets count the index itself: finds the smallest size of the index with correct offsets (they grow with it).
 */
function makeIndex(sizes: ReadonlyMap<string, number>): string {
  for (let start = 2 * BLOCK_BYTES; ; ) {
    let at = start;
    const spans: string[] = [];
    for (const [name, size] of sizes) {
      at += headerBytes(name);
      spans.push(`${JSON.stringify(name)}:[${at},${size}]`);
      at += roundUp(size);
    }
    const index = `{"v":1,"members":{${spans.join(',')}}}`;
    const needed = commentBytes(index);
    if (needed === start) return index;
    start = needed;
  }
}

function parseIndex(text: string): Readonly<Record<string, unknown>> {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (cause) {
    throw malformed('the index is not JSON', cause);
  }
  if (!isRecord(index)) throw malformed('the index is not a JSON object');
  if (index.v !== 1) throw malformed(`the index has the version ${JSON.stringify(index.v)}; only 1 is known`);
  if (!isRecord(index.members)) throw malformed('the index has no members');
  return index.members;
}

function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string, cause?: unknown): Unprocessable {
  return new Unprocessable(`column: ${what}`, { expected: 'a tar that begins with its index', cause });
}
