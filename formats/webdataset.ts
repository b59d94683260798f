/**
 * @file A column of a page: an uncompressed tar that WebDataset can read. Its first member `index.json` has the
 * position of all others: { "v": 1, "members": { name: [offset, size] } }, with offsets from the start of the archive.
 * So one range request reads one member.
 */
import { InvalidInput, Unprocessable } from '../errors.ts';
import { BLOCK_BYTES, headerBytes, packTar, readTar, roundUp } from './tar.ts';

export const INDEX_NAME = 'index.json';

export interface MemberSpan {
  /** Byte at which the member starts in the column. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Packs members in the given order. Equal members give equal bytes. @throws InvalidInput for the name `index.json`. */
export function packColumn(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  if (members.has(INDEX_NAME)) throw new InvalidInput(`a column cannot have a member called ${INDEX_NAME}`);
  const index = makeIndex(members);
  return packTar([[INDEX_NAME, index], ...members]);
}

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
  const end = columnHeadBytes(head);
  if (head.length < end) throw malformed(`${head.length} bytes do not hold the index of ${end} bytes`);
  const [entry] = readTar(head.subarray(0, end));
  const spans = Object.entries(parseIndex(entry?.body ?? new Uint8Array())).map(([name, span]) => {
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
  const name = Buffer.from(head.subarray(0, INDEX_NAME.length + 1)).toString('latin1');
  if (head.length < BLOCK_BYTES || name !== `${INDEX_NAME}\0`) throw malformed(`the first member is not ${INDEX_NAME}`);
  const size = Number.parseInt(Buffer.from(head.subarray(124, 135)).toString('latin1'), 8);
  if (Number.isNaN(size)) throw malformed('the header of the index is damaged');
  return BLOCK_BYTES + roundUp(size);
}

/**
 * The offsets count the index itself: finds the smallest size of the index with correct offsets (they grow with it).
 */
function makeIndex(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  for (let blocks = 1; ; ) {
    let at = BLOCK_BYTES + blocks * BLOCK_BYTES;
    const spans: string[] = [];
    for (const [name, body] of members) {
      at += headerBytes(name);
      spans.push(`${JSON.stringify(name)}:[${at},${body.length}]`);
      at += roundUp(body.length);
    }
    const index = Buffer.from(`{"v":1,"members":{${spans.join(',')}}}`);
    const needed = roundUp(index.length) / BLOCK_BYTES;
    if (needed === blocks) return index;
    blocks = needed;
  }
}

function parseIndex(body: Uint8Array): Readonly<Record<string, unknown>> {
  let index: unknown;
  try {
    index = JSON.parse(Buffer.from(body).toString('utf8'));
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
  return new Unprocessable(`column: ${what}`, { expected: 'a tar whose first member is its index', cause });
}
