/**
 * @file Zip archives in memory (PKWARE APPNOTE 6.3), read by their central directory: stored and deflated members, no
 * zip64.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { Unprocessable } from '../errors.ts';

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const DIRECTORY_SIGNATURE = 0x02014b50;
const DIRECTORY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
/** The system whose attributes a member has. */
const UNIX = 3;
/** The mode of a file on Unix is in the upper half of its attributes. */
const OWNER_MAY_EXECUTE = 0o100 << 16;
const STORED = 0;
const DEFLATED = 8;

export interface ZipEntry {
  /** Relative, without `..`. Names of folders end with "/". */
  readonly name: string;
  /** Bytes after unpacking. */
  readonly size: number;
  /** True if the archive says that its owner may execute the file. */
  readonly isExecutable: boolean;
  /** Unpacks the member. @throws Unprocessable when its checksum differs. */
  read(): Uint8Array;
}

/**
 * All members in the order of the directory. @throws Unprocessable for bytes that are not a zip archive, a damaged
 * archive, or a name that leads out of its folder.
 */
export function readZip(archive: Uint8Array): ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    requireSignature(view, at, DIRECTORY_SIGNATURE, DIRECTORY_BYTES);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map(field => view.getUint16(at + field, true));
    const name = new TextDecoder().decode(
      archive.subarray(at + DIRECTORY_BYTES, at + DIRECTORY_BYTES + (nameBytes ?? 0)),
    );
    if (name === '' || name.startsWith('/') || name.includes('\\') || name.split('/').includes('..')) {
      throw new Unprocessable(`the zip archive has a member named "${name}"`, {
        expected: 'names inside its own folder',
      });
    }
    entries.push(entryAt(archive, view, at, name));
    at += DIRECTORY_BYTES + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
  }
  return entries;
}

function entryAt(archive: Uint8Array, view: DataView, at: number, name: string): ZipEntry {
  const method = view.getUint16(at + 10, true);
  const checksum = view.getUint32(at + 16, true);
  const packedSize = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  const isFromUnix = view.getUint8(at + 5) === UNIX;
  return {
    name,
    size,
    isExecutable: isFromUnix && (view.getUint32(at + 38, true) & OWNER_MAY_EXECUTE) !== 0,
    read() {
      requireSignature(view, local, LOCAL_SIGNATURE, LOCAL_BYTES);
      const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const packed = archive.subarray(start, start + packedSize);
      const bytes = unpack(packed, method, size, name);
      if (bytes.length !== size || crc32(bytes) !== checksum) throw damaged(`member "${name}" has another checksum`);
      return bytes;
    },
  };
}

function unpack(packed: Uint8Array, method: number, size: number, name: string): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw damaged(`member "${name}" is packed by method ${method}`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw damaged(`member "${name}" does not unpack`, error);
  }
}

/** The last record, before a comment of any length. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw damaged('it has no end-of-directory record');
}

function requireSignature(view: DataView, at: number, signature: number, bytes: number): void {
  if (at + bytes > view.byteLength || view.getUint32(at, true) !== signature) throw damaged(`nothing is at byte ${at}`);
}

function damaged(what: string, cause?: unknown): Unprocessable {
  return new Unprocessable(`the zip archive does not read: ${what}`, {
    expected: 'a whole zip archive of stored or deflated members',
    ...(cause === undefined ? {} : { cause }),
  });
}
