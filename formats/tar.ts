/**
 * @file Tar archives in memory. Writes deterministic USTAR (POSIX.1-1988, with pax records for names that do not fit);
 * reads USTAR, pax and GNU.
 */
import { InvalidInput, Unprocessable } from '../errors.ts';
import { decodeFileName } from './file-name.ts';

/** Headers and bodies fill whole blocks. */
export const BLOCK_BYTES = 512;
/** Two blocks of zeros end an archive. */
const TRAILER_BYTES = 2 * BLOCK_BYTES;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/**
 * 70,000 photographs with two sidecar files each are 210,000 entries; an archive made to exhaust memory has millions.
 */
const MAX_ENTRIES = 500_000;
/** Most bytes that {@link scanTar} reads at once. */
const PIECE_BYTES = 2 ** 20;
/** Longest name and longest pax records: PATH_MAX of Linux is 4,096. */
const MAX_META_BYTES = 65_536;
const MAX_NAME_BYTES = 4096;
/** The largest number of eleven octal digits. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

export interface TarEntry {
  /** As stored: may contain `..` or start with `/`. Bytes that are no UTF-8 are escaped (file-name.ts). */
  readonly name: string;
  /** `link` and `other` (devices and the like) have no body here. */
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Byte at which the body starts in the archive. */
  readonly offset: number;
  /** A view into the archive. */
  readonly body: Uint8Array;
}

/**
 * Equal members in equal order give equal bytes: mtime, uid and gid 0, mode 0644, no padding beyond the trailer.
 * @param comment Text before the members. Readers skip it, as POSIX says of the `comment` of a global pax header.
 */
export function packTar(members: Iterable<readonly [name: string, body: Uint8Array]>, comment?: string): Uint8Array {
  const parts: Uint8Array[] = comment === undefined ? [] : commentParts(comment);
  for (const [name, body] of members) parts.push(...memberParts(name, body));
  parts.push(new Uint8Array(TRAILER_BYTES));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** The archive of {@link packTar} in pieces, member by member. */
export async function* streamTar(
  members: Iterable<readonly [string, Uint8Array]> | AsyncIterable<readonly [string, Uint8Array]>,
  comment?: string,
): AsyncGenerator<Uint8Array> {
  if (comment !== undefined) yield* commentParts(comment);
  for await (const [name, body] of members) for (const part of memberParts(name, body)) if (part.length > 0) yield part;
  yield new Uint8Array(TRAILER_BYTES);
}

/** Bytes before the body of a member: its header, and pax records if the name needs them. */
export function headerBytes(name: string): number {
  return splitName(name) ? BLOCK_BYTES : 2 * BLOCK_BYTES + roundUp(paxRecord('path', name).length);
}

/** Bytes before the first member of an archive with this comment. */
export function commentBytes(comment: string): number {
  return BLOCK_BYTES + roundUp(paxRecord('comment', comment).length);
}

/**
 * The comment of an archive, and the byte `end` at which its members begin. Undefined if it does not begin with a
 * global pax header.
 * @param bytes At least the first 512. Without the first `end`, the comment is absent.
 * @throws Unprocessable
 */
export function readTarComment(bytes: Uint8Array): { readonly end: number; readonly comment?: string } | undefined {
  if (bytes.length < BLOCK_BYTES) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, BLOCK_BYTES);
  if (header.toString('latin1', 156, 157) !== 'g') return undefined;
  checkSum(header, 0);
  const size = parseNumber(header, 124, 12, 0);
  if (size > MAX_META_BYTES) throw damaged(0, `a comment of ${size} bytes`);
  const end = BLOCK_BYTES + roundUp(size);
  if (bytes.length < end) return { end };
  const comment = readPax(bytes.subarray(BLOCK_BYTES, BLOCK_BYTES + size), 0).find(([key]) => key === 'comment')?.[1];
  if (comment === undefined) throw damaged(0, 'a global header without a comment');
  return { end, comment };
}

/** Bytes that a body occupies. */
export function roundUp(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** An entry without its body. */
export interface TarSpan extends Omit<TarEntry, 'body'> {
  /** Bytes of the body. */
  readonly size: number;
}

/**
 * All entries, in order. Refuses sparse files and continued volumes, and finds damage by the checksum of the header.
 * Bodies are views, so an archive takes no memory but its own bytes and its entries.
 * @throws Unprocessable naming the byte at which the archive is damaged, has a name of more than 4,096 bytes, or
 * entries beyond `maxEntries`.
 */
export function readTar(bytes: Uint8Array, maxEntries = MAX_ENTRIES): TarEntry[] {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk = walkTar(archive.length, maxEntries);
  let step = walk.next();
  while (!step.done) step = walk.next(archive.subarray(step.value.at, step.value.at + step.value.length));
  return step.value.map(({ size, ...entry }) => ({
    ...entry,
    body: bytes.subarray(entry.offset, entry.offset + size),
  }));
}

/**
 * All entries of an archive that is too large for memory. Reads headers alone, in pieces of a mebibyte at most.
 * @param size Bytes of the archive.
 * @param read The bytes [at, at + length).
 * @throws as {@link readTar}
 */
export async function scanTar(
  size: number,
  read: (at: number, length: number) => Promise<Uint8Array>,
  maxEntries = MAX_ENTRIES,
): Promise<TarSpan[]> {
  const walk = walkTar(size, maxEntries);
  let piece = Buffer.alloc(0);
  let start = 0;
  let ahead = BLOCK_BYTES;
  let step = walk.next();
  while (!step.done) {
    const { at, length } = step.value;
    if (at < start || at + length > start + piece.length) {
      // Small bodies lie between headers close by; after a large one, a header is read alone.
      const isNear = at - (start + piece.length) < PIECE_BYTES / 8;
      ahead = isNear ? Math.min(PIECE_BYTES, 4 * ahead) : BLOCK_BYTES;
      piece = Buffer.from(await read(at, Math.min(Math.max(length, ahead), size - at)));
      start = at;
    }
    step = walk.next(piece.subarray(at - start, at - start + length));
  }
  return step.value;
}

/** Asks for the bytes of headers, names and pax records. */
function* walkTar(
  total: number,
  maxEntries: number,
): Generator<{ readonly at: number; readonly length: number }, TarSpan[], Buffer> {
  const entries: TarSpan[] = [];
  let overrides: Overrides = {};
  let at = 0;
  while (at < total) {
    if (at + BLOCK_BYTES > total) throw damaged(at, 'a header is cut short');
    const header = yield { at, length: BLOCK_BYTES };
    if (header.every(byte => byte === 0)) break;
    checkSum(header, at);
    const type = String.fromCharCode(header[156] ?? 0);
    const meta = 'xgLK'.includes(type);
    const size = (meta ? undefined : overrides.size) ?? parseNumber(header, 124, 12, at);
    const offset = at + BLOCK_BYTES;
    const hasBody = meta || !'123456'.includes(type);
    const end = offset + (hasBody ? size : 0);
    if (end > total) throw damaged(at, `a body of ${size} bytes is cut short`);
    if (meta && size > MAX_META_BYTES) throw damaged(at, `a name or pax records of ${size} bytes`);
    if (type === 'x') overrides = { ...overrides, ...parsePax(yield { at: offset, length: size }, at) };
    else if (type === 'L') overrides = { ...overrides, name: text(yield { at: offset, length: size }) };
    else if (!meta) {
      const name = overrides.name ?? headerName(header);
      if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw damaged(at, `a name of more than ${MAX_NAME_BYTES} bytes`);
      if (entries.length === maxEntries) throw tooMany(maxEntries);
      entries.push({ name, kind: kindOf(type, name, at), offset, size: end - offset });
      overrides = {};
    }
    at = offset + roundUp(end - offset);
  }
  return entries;
}

interface Overrides {
  readonly name?: string;
  readonly size?: number;
}

function kindOf(type: string, name: string, at: number): TarEntry['kind'] {
  // Old tars mark a directory by the slash alone.
  if (type === '0' || type === '\0' || type === '7') return name.endsWith('/') ? 'directory' : 'file';
  if (type === '5') return 'directory';
  if ('12'.includes(type)) return 'link';
  if ('346'.includes(type)) return 'other';
  throw new Unprocessable(`tar: "${name}" at byte ${at} has the type ${JSON.stringify(type)}`, {
    expected: 'plain files, without sparse files or continued volumes',
    hint: 'make the archive with tar --format=ustar or --format=pax',
  });
}

function memberParts(name: string, body: Uint8Array): Uint8Array[] {
  if (name === '' || name.includes('\0'))
    throw new InvalidInput(`tar: the name ${JSON.stringify(name)} cannot be stored`);
  if (body.length > MAX_OCTAL_SIZE) throw new InvalidInput(`tar: "${name}" has ${body.length} bytes, more than 8 GiB`);
  const parts: Uint8Array[] = [];
  const fit = splitName(name);
  if (fit) parts.push(makeHeader(fit.name, fit.prefix, body.length, '0'));
  else {
    const record = paxRecord('path', name);
    parts.push(makeHeader('pax', '', record.length, 'x'), record, padding(record.length));
    parts.push(makeHeader('pax-name', '', body.length, '0'));
  }
  parts.push(body, padding(body.length));
  return parts;
}

function commentParts(comment: string): Uint8Array[] {
  const record = paxRecord('comment', comment);
  if (record.length > MAX_META_BYTES) {
    throw new InvalidInput(`tar: a comment of ${record.length} bytes`, { expected: `at most ${MAX_META_BYTES}` });
  }
  return [makeHeader('pax_global_header', '', record.length, 'g'), record, padding(record.length)];
}

function padding(size: number): Uint8Array {
  return new Uint8Array(roundUp(size) - size);
}

/** The name as USTAR stores it: ASCII, 100 bytes or 155 + "/" + 100; undefined if it does not fit. */
function splitName(name: string): { readonly name: string; readonly prefix: string } | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant
  if (!/^[\x01-\x7f]*$/.test(name)) return undefined;
  if (name.length <= NAME_BYTES) return { name, prefix: '' };
  const slash = name.lastIndexOf('/', PREFIX_BYTES);
  const rest = name.slice(slash + 1);
  if (slash <= 0 || rest === '' || rest.length > NAME_BYTES) return undefined;
  return { name: rest, prefix: name.slice(0, slash) };
}

function makeHeader(name: string, prefix: string, size: number, type: string): Uint8Array {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write(type, 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  header.write(prefix, 345, 'latin1');
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Sum of the bytes of the header, with the checksum field read as spaces. */
function sumOf(header: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (i < 148 || i >= 156) sum += header[i] ?? 0;
  return sum;
}

function checkSum(header: Buffer, at: number): void {
  const stored = parseNumber(header, 148, 8, at);
  if (stored !== sumOf(header)) throw damaged(at, 'the checksum of a header does not match');
}

/** Octal digits, or GNU's base 256 when the first bit is set. */
function parseNumber(header: Buffer, start: number, length: number, at: number): number {
  const field = header.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
    if (!Number.isSafeInteger(value)) throw damaged(at, 'a number is too large');
    return value;
  }
  const digits = text(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw damaged(at, `"${digits}" is not an octal number`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function headerName(header: Buffer): string {
  const name = text(header.subarray(0, NAME_BYTES));
  // The old GNU format stores times where POSIX stores the prefix.
  const posix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = posix ? text(header.subarray(345, 345 + PREFIX_BYTES)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decodeFileName(end < 0 ? field : field.subarray(0, end));
}

/** `"<length> <key>=<value>\n"`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function parsePax(body: Uint8Array, at: number): Overrides {
  let overrides: Overrides = {};
  for (const [key, value] of readPax(body, at)) {
    if (key.startsWith('GNU.sparse')) throw damaged(at, 'a sparse file');
    if (key === 'path') overrides = { ...overrides, name: value };
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw damaged(at, `"${value}" is not a size`);
      overrides = { ...overrides, size: Number(value) };
    }
  }
  return overrides;
}

function readPax(body: Uint8Array, at: number): (readonly [key: string, value: string])[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const records: (readonly [key: string, value: string])[] = [];
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(' ', start);
    const length = Number(bytes.toString('latin1', start, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - start || start + length > bytes.length) {
      throw damaged(at, 'a pax record is malformed');
    }
    const record = decodeFileName(bytes.subarray(space + 1, start + length - 1));
    const equals = record.indexOf('=');
    records.push([record.slice(0, equals), record.slice(equals + 1)]);
    start += length;
  }
  return records;
}

function tooMany(limit: number): Unprocessable {
  return new Unprocessable(`tar: the archive has more than ${limit} entries`, {
    expected: `at most ${limit}`,
    hint: 'cut it into several archives, and import one after the other',
  });
}

function damaged(at: number, what: string): Unprocessable {
  return new Unprocessable(`tar: ${what} (byte ${at})`, { expected: 'a complete, uncompressed tar archive' });
}
