/**
 * @file Text in PNG files: chunks tEXt (PNG, third edition, 11.3.3.2), a keyword and a value in Latin-1. Pixels and
 * all other chunks keep their bytes.
 */
import { crc32 } from 'node:zlib';
import { Unprocessable } from '../errors.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Length and type before the data of a chunk, checksum after it. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;
const LONGEST_KEYWORD = 79;

export function isPng(bytes: Uint8Array): boolean {
  return bytes.length >= SIGNATURE.length && SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Width and height in pixels. @throws Unprocessable for bytes that are not a PNG. */
export function readPngSize(png: Uint8Array): { width: number; height: number } {
  const [header] = chunksOf(png);
  if (header?.type !== 'IHDR' || header.data.length < 8) throw damaged('it does not begin with its header');
  const view = new DataView(header.data.buffer, header.data.byteOffset, header.data.byteLength);
  return { width: view.getUint32(0), height: view.getUint32(4) };
}

/**
 * The value of the first text chunk of the keyword; undefined if there is none.
 * @throws Unprocessable for bytes that are not a PNG, or a chunk that ends too early or has another checksum.
 */
export function readPngText(png: Uint8Array, keyword: string): string | undefined {
  for (const chunk of chunksOf(png)) {
    if (chunk.type !== 'tEXt') continue;
    const text = Buffer.from(chunk.data.buffer, chunk.data.byteOffset, chunk.data.byteLength).toString('latin1');
    const end = text.indexOf('\0');
    if (text.slice(0, end) !== keyword) continue;
    if (crc32(chunk.covered) !== chunk.checksum) throw damaged(`its text "${keyword}" has another checksum`);
    return text.slice(end + 1);
  }
  return undefined;
}

/**
 * The PNG with a text chunk after its header, so that the first 200 bytes of the file tell it. A text chunk of the same
 * keyword is replaced.
 * @param keyword 1 to 79 printable ASCII characters. @param value Printable ASCII.
 * @throws Unprocessable for bytes that are not a PNG, and for other characters.
 */
export function withPngText(png: Uint8Array, keyword: string, value: string): Uint8Array {
  const isPlain = /^[\x21-\x7e]+$/.test(keyword) && /^[\x20-\x7e]*$/.test(value);
  if (!isPlain || keyword.length > LONGEST_KEYWORD) {
    throw new Unprocessable(`the text "${keyword}" cannot be written into a PNG`, { expected: 'printable ASCII' });
  }
  const parts: Uint8Array[] = [SIGNATURE];
  for (const { type, data, whole } of chunksOf(png)) {
    const isSame = type === 'tEXt' && Buffer.from(data).toString('latin1').startsWith(`${keyword}\0`);
    if (!isSame) parts.push(whole);
    if (type === 'IHDR') parts.push(makeChunk('tEXt', Buffer.from(`${keyword}\0${value}`, 'latin1')));
  }
  return Buffer.concat(parts);
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Type and data, which the checksum covers. */
  readonly covered: Uint8Array;
  readonly checksum: number;
  readonly whole: Uint8Array;
}

function* chunksOf(png: Uint8Array): Generator<Chunk> {
  if (!isPng(png)) throw new Unprocessable('these bytes are not a PNG');
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = SIGNATURE.length; at < png.length; ) {
    if (at + HEAD_BYTES > png.length) throw damaged('it ends within a chunk');
    const end = at + HEAD_BYTES + view.getUint32(at);
    if (end + CHECKSUM_BYTES > png.length) throw damaged('it ends within a chunk');
    const covered = png.subarray(at + 4, end);
    const type = String.fromCharCode(...covered.subarray(0, 4));
    const whole = png.subarray(at, end + CHECKSUM_BYTES);
    yield { type, data: covered.subarray(4), covered, checksum: view.getUint32(end), whole };
    if (type === 'IEND') return;
    at = end + CHECKSUM_BYTES;
  }
}

function makeChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(HEAD_BYTES + data.length + CHECKSUM_BYTES);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, HEAD_BYTES);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, HEAD_BYTES + data.length)), HEAD_BYTES + data.length);
  return chunk;
}

function damaged(reason: string): Unprocessable {
  return new Unprocessable(`the PNG is damaged: ${reason}`);
}
