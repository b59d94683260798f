/**
 * @file Sources of an import: a folder (open-folder.ts), a prefix of a bucket (open-bucket.ts), an uploaded tar, and
 * the tars that lie in a source. Names are paths with `/`, sorted.
 */
import { AppError } from '../../errors.ts';
import { readTar, scanTar, type TarSpan } from '../../formats/tar.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Reject } from '../../storage/records.ts';
import type { StreamedBlobStore } from '../../storage/types.ts';

export interface SourceFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @throws Conflict if the file has changed since it was listed, Unreadable */
  read(): Promise<Uint8Array>;
  /** The bytes [at, at + length) of the file. @throws as read */
  readAt(at: number, length: number): Promise<Uint8Array>;
}

export interface ImportSource {
  /** Sorted by name. */
  readonly files: readonly SourceFile[];
  /** Entries that cannot be read, with the reason. */
  readonly rejects: readonly Reject[];
  /** Files and folders whose name starts with a dot. */
  readonly hidden: number;
  /** Tables of the original project, which are no texts of single pictures. */
  readonly tables?: readonly SourceFile[];
  close?(): Promise<void>;
}

const LINK = 'a link, which is not followed in an archive; make it with tar --dereference --hard-dereference';

/** Lists the files of a tar in memory. @throws Unprocessable if the bytes are not a tar, or are damaged. */
export function openTar(bytes: Uint8Array): ImportSource {
  const spans = readTar(bytes).map(({ body, ...entry }) => ({ ...entry, size: body.length }));
  return listEntries(spans, async (at, length) => bytes.subarray(at, at + length));
}

/** Lists the files of a stored tar of any size. Hashes it once. @throws Unprocessable, BlobMissing, Corrupt */
export async function openStoredTar(blobs: StreamedBlobStore, digest: Digest): Promise<ImportSource> {
  let size = 0;
  for await (const piece of blobs.stream(digest)) size += piece.length;
  const readAt: SourceFile['readAt'] = (at, length) => readRange(blobs, digest, at, length);
  return listEntries(await scanTar(size, readAt), readAt);
}

async function readRange(blobs: StreamedBlobStore, digest: Digest, at: number, length: number): Promise<Uint8Array> {
  // No range is empty.
  if (length === 0) return new Uint8Array();
  return blobs.getRange(digest, { start: at, end: at + length - 1 });
}

/**
 * The source with the members of its tars in their place, as `shard-000000.tar/a.jpg`, if all its pictures lie in tars.
 * A tar beside pictures stays a file: it may hold the same pictures again.
 * @param isPicture Whether a name is that of a picture.
 */
export async function openTarsWithin(
  source: ImportSource,
  isPicture: (name: string) => boolean,
  onTar: () => void,
): Promise<ImportSource> {
  const isTar = ({ name }: SourceFile) => /\.tar$/i.test(name);
  const tars = source.files.filter(isTar);
  if (tars.length === 0 || source.files.some(file => !isTar(file) && isPicture(file.name))) return source;
  const files = source.files.filter(file => !isTar(file));
  const rejects = [...source.rejects];
  let { hidden } = source;
  for (const tar of tars) {
    const inside = await listTar(tar);
    for (const file of inside.files) files.push(file);
    for (const reject of inside.rejects) rejects.push(reject);
    hidden += inside.hidden;
    onTar();
  }
  return { ...source, files: sortByName(files), rejects: sortByName(rejects), hidden };
}

async function listTar(tar: SourceFile): Promise<ImportSource> {
  try {
    return listEntries(await scanTar(tar.size, tar.readAt), tar.readAt, `${tar.name}/`);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500 || error.retryable) throw error;
    const reject = { name: tar.name, reason: error.message, group: 'a tar that cannot be read' };
    return { files: [], rejects: [reject], hidden: 0 };
  }
}

function listEntries(entries: readonly TarSpan[], readAt: SourceFile['readAt'], prefix = ''): ImportSource {
  const files = new Map<string, SourceFile>();
  const rejects: Reject[] = [];
  let hidden = 0;
  for (const { name, kind, offset, size } of entries) {
    if (kind === 'directory') continue;
    // Names are labels here, never paths: nothing is written under them.
    const parts = name.split('/').filter(part => part !== '' && part !== '.');
    const path = prefix + parts.join('/');
    const reject = (reason: string) => rejects.push({ name: parts.length === 0 ? prefix + name : path, reason });
    if (parts.length === 0) reject('a file without a name');
    else if (parts.includes('..')) reject('its name leads upwards (..)');
    else if (parts.some(part => part.startsWith('.'))) hidden++;
    else if (kind === 'link') reject(LINK);
    else if (kind === 'other') reject('not a regular file');
    else {
      // Unpacking the archive would leave the last.
      if (files.has(path)) reject('a later file of the archive has the same name');
      files.set(path, {
        name: path,
        size,
        read: () => readAt(offset, size),
        readAt: (at, length) => readAt(offset + at, Math.max(0, Math.min(length, size - at))),
      });
    }
  }
  return { files: sortByName([...files.values()]), rejects: sortByName(rejects), hidden };
}

/** Sorts by UTF-16 code units: the same order on every machine. */
export function sortByName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
