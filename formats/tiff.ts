/**
 * @file The directories of a TIFF or BigTIFF: enough to tell a raw photograph from a picture. The raw formats of most
 * cameras are TIFFs: first a small preview, and the photograph in a directory below.
 */

export interface TiffDirectory {
  /** The directory says that it is a smaller copy of another picture. */
  readonly isReduced: boolean;
  readonly width: number;
  readonly height: number;
  readonly compression: number;
  readonly photometric: number;
  readonly hasDngVersion: boolean;
  /** Maker of the camera; empty if the directory does not say it. */
  readonly make: string;
}

/** An honest file has few; a damaged or hostile one may have a circle of them. */
const MAX_DIRECTORIES = 64;
const MAX_ENTRIES = 4096;
const MAX_TEXT_BYTES = 64;

const TAG = {
  newSubfileType: 254,
  width: 256,
  height: 257,
  compression: 259,
  photometric: 262,
  make: 271,
  subDirectories: 330,
  dngVersion: 50706,
} as const;

/** Bytes of the types of values: byte, text, short, long, and the unsigned of BigTIFF. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where the values are. */
  readonly at: number;
}

/** The first directory, then those below it and the one after it, and so on. Empty if the bytes are not a TIFF. */
export function readTiffDirectories(bytes: Uint8Array): TiffDirectory[] {
  const reader = openTiff(bytes);
  if (reader === undefined) return [];
  const found: TiffDirectory[] = [];
  const waiting = [reader.first];
  const seen = new Set<number>();
  for (let at = waiting.shift(); at !== undefined && found.length < MAX_DIRECTORIES; at = waiting.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const directory = reader.directory(at);
    if (directory === undefined) continue;
    const { entries, next } = directory;
    const number = (tag: number) => reader.numbers(entries.get(tag))[0] ?? 0;
    found.push({
      isReduced: (number(TAG.newSubfileType) & 1) === 1,
      width: number(TAG.width),
      height: number(TAG.height),
      compression: number(TAG.compression),
      photometric: number(TAG.photometric),
      hasDngVersion: entries.has(TAG.dngVersion),
      make: reader.text(entries.get(TAG.make)),
    });
    waiting.push(...reader.numbers(entries.get(TAG.subDirectories)));
    if (next !== 0) waiting.push(next);
  }
  return found;
}

function openTiff(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  const isLittle = mark.startsWith('II');
  const isBig = mark === 'II+\0' || mark === 'MM\0+';
  if (!isBig && mark !== 'II*\0' && mark !== 'MM\0*') return undefined;

  /** An unsigned number; 0 beyond the end of the file. */
  function read(at: number, size: number): number {
    if (at < 0 || at + size > bytes.length) return 0;
    if (size === 1) return view.getUint8(at);
    if (size === 2) return view.getUint16(at, isLittle);
    if (size === 4) return view.getUint32(at, isLittle);
    return Number(view.getBigUint64(at, isLittle));
  }

  const word = isBig ? 8 : 4;
  const countBytes = isBig ? 8 : 2;
  const entryBytes = 4 + 2 * word;
  return {
    first: read(word, word),
    /** Undefined if no directory lies there. */
    directory(at: number) {
      const count = read(at, countBytes);
      const end = at + countBytes + count * entryBytes;
      if (at < 8 || count === 0 || count > MAX_ENTRIES || end > bytes.length) return undefined;
      const entries = new Map<number, Entry>();
      for (let entry = at + countBytes; entry < end; entry += entryBytes) {
        const [tag, type] = [read(entry, 2), read(entry + 2, 2)];
        const values = entry + 4 + word;
        const length = read(entry + 4, word);
        // Values that do not fit into the entry lie elsewhere.
        const isInside = length * (TYPE_BYTES[type] ?? 0) <= word;
        entries.set(tag, { type, count: length, at: isInside ? values : read(values, word) });
      }
      return { entries, next: read(end, word) };
    },
    numbers(entry: Entry | undefined): number[] {
      const size = entry && TYPE_BYTES[entry.type];
      if (entry === undefined || size === undefined) return [];
      const count = Math.min(entry.count, MAX_DIRECTORIES);
      return Array.from({ length: count }, (_, i) => read(entry.at + i * size, size));
    },
    text(entry: Entry | undefined): string {
      if (entry?.type !== 2) return '';
      const field = bytes.subarray(entry.at, entry.at + Math.min(entry.count, MAX_TEXT_BYTES));
      return (Buffer.from(field).toString('latin1').split('\0')[0] ?? '').trim();
    },
  };
}
