/**
 * @file Decodes text files by a fixed rule. A mark (BOM) decides. Text without a mark is UTF-8; if it has NUL bytes, it
 * is UTF-16 or UTF-32 when at least half of its characters are then ASCII. Everything else is in the encoding that the
 * caller names, or is not decoded: two old encodings cannot be told apart by their bytes. No byte is ever replaced.
 */
import { isUtf8 } from 'node:buffer';

/** Encodings of one byte per character or of East Asian text, by their WHATWG names, that a caller may name. */
export const OLD_ENCODINGS = [
  'windows-1252',
  'windows-1250',
  'windows-1251',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'iso-8859-2',
  'iso-8859-15',
  'macintosh',
  'koi8-r',
  'shift_jis',
  'euc-jp',
  'gb18030',
  'big5',
  'euc-kr',
] as const;
export type OldEncoding = (typeof OLD_ENCODINGS)[number];

export type DecodedText =
  /** `encoding` as people call it: 'UTF-8', 'UTF-16', 'windows-1252'. */
  | { readonly text: string; readonly encoding: string; readonly problem?: undefined }
  | {
      /** A sentence without a full stop: the encoding, and the place of the first wrong byte, counted from 1. */
      readonly problem: string;
      /** Whether the text may be in an old encoding, and the caller named none. */
      readonly needsName?: true;
    };

type Decode = (bytes: Uint8Array) => string | undefined;

interface Unicode {
  readonly name: string;
  readonly mark: readonly number[];
  readonly unit: number;
  readonly decode: Decode;
}

/** Longer marks first: the mark of UTF-32 begins with that of UTF-16. */
const UNICODE: readonly Unicode[] = [
  { name: 'UTF-8', mark: [0xef, 0xbb, 0xbf], unit: 1, decode: decoderOf('utf-8') },
  { name: 'UTF-32', mark: [0xff, 0xfe, 0, 0], unit: 4, decode: decodeUtf32(true) },
  { name: 'UTF-32', mark: [0, 0, 0xfe, 0xff], unit: 4, decode: decodeUtf32(false) },
  { name: 'UTF-16', mark: [0xff, 0xfe], unit: 2, decode: decoderOf('utf-16le') },
  { name: 'UTF-16', mark: [0xfe, 0xff], unit: 2, decode: decoderOf('utf-16be') },
];

/** @param fallback Encoding of text that has no mark and is not UTF-8. */
export function decodeText(bytes: Uint8Array, fallback?: OldEncoding): DecodedText {
  const marked = UNICODE.find(({ mark }) => mark.every((byte, i) => bytes[i] === byte));
  if (marked) {
    const { name, mark, decode } = marked;
    const text = decode(bytes.subarray(mark.length));
    if (text !== undefined) return checked(text, name);
    return { problem: `the text has the mark of ${name}, but ${wrongByte(bytes, decode, mark.length)}` };
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    for (const { name, unit, decode } of UNICODE) {
      const text = unit > 1 ? decode(bytes) : undefined;
      if (text !== undefined && isMostlyAscii(text)) return checked(text, name);
    }
    return { problem: `byte ${nul + 1} is NUL, so this is not UTF-8, nor is it UTF-16 with a mark` };
  }
  if (isUtf8(bytes)) return checked(Buffer.from(bytes).toString('utf8'), 'UTF-8');
  if (fallback === undefined) {
    return { problem: `the text is not UTF-8: ${wrongByte(bytes, decoderOf('utf-8'))}`, needsName: true };
  }
  const decode = decoderOf(fallback);
  const text = decode(bytes);
  if (text !== undefined) return checked(text, fallback);
  return { problem: `the text is neither UTF-8 nor ${fallback}: ${wrongByte(bytes, decode)}` };
}

/** Why a text is damaged, as a sentence without a full stop; undefined if all its characters are whole. */
export function problemOfText(text: string): string | undefined {
  const nul = text.indexOf('\0');
  if (nul >= 0) return `character ${nul + 1} is NUL`;
  if (!text.isWellFormed()) return 'it has half of a character (a lone surrogate)';
  const lost = text.indexOf('\ufffd');
  if (lost >= 0) return `character ${lost + 1} is U+FFFD: an earlier program could not read the letter there`;
  return undefined;
}

function checked(text: string, encoding: string): DecodedText {
  const problem = problemOfText(text);
  return problem === undefined ? { text, encoding } : { problem: `the text is ${encoding}, but ${problem}` };
}

function isMostlyAscii(text: string): boolean {
  if (text.includes('\0')) return false;
  const plain = text.match(/[\t\n\r\x20-\x7e]/g)?.length ?? 0;
  return 2 * plain >= text.length;
}

/** A decoder that refuses wrong bytes, and bytes that the encoding leaves without a meaning (C1 controls). */
function decoderOf(label: string): Decode {
  return bytes => {
    try {
      const text = new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(bytes);
      return label.startsWith('utf') || !/[\x80-\x9f]/.test(text) ? text : undefined;
    } catch {
      return undefined;
    }
  };
}

function decodeUtf32(isLittleEndian: boolean): Decode {
  return bytes => {
    if (bytes.length % 4 !== 0) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parts: string[] = [];
    for (let at = 0; at < bytes.length; at += 4) {
      const point = view.getUint32(at, isLittleEndian);
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
      parts.push(String.fromCodePoint(point));
    }
    return parts.join('');
  };
}

/** Most bytes of one character in any of the encodings. */
const MAX_CHARACTER_BYTES = 4;

/** 'byte 4 is E9'. @param start Bytes before the text. */
function wrongByte(bytes: Uint8Array, decode: Decode, start = 0): string {
  const isRead = (end: number) => decode(bytes.subarray(start, end)) !== undefined;
  // A prefix that ends inside a character is not read, but one that ends with this character is.
  const reaches = (end: number) =>
    Array.from({ length: MAX_CHARACTER_BYTES }, (_, more) => end + more).some(to => to <= bytes.length && isRead(to));
  let [low, high] = [start, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (reaches(middle)) low = middle;
    else high = middle - 1;
  }
  return `byte ${low + 1} is ${(bytes[low] ?? 0).toString(16).toUpperCase().padStart(2, '0')}`;
}
