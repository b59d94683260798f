/** @file The imported bytes of pictures: slices of archives. An archive holds the pictures of at most one page. */
import { Corrupt } from '../../errors.ts';
import { packColumn, readColumnIndex } from '../../formats/webdataset.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestOf, hexOf } from '../../storage/digest.ts';
import type { Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MAX_PICTURE_BYTES } from '../pictures/limits.ts';

const ID_DIGITS = 16;
/** Largest size of the pictures in one archive. */
export const MAX_ARCHIVE_BYTES = MAX_PICTURE_BYTES;

/** First 16 hexadecimal digits of the sha256 of the bytes. */
export function idOf(bytes: Uint8Array): string {
  return hexOf(digestOf(bytes)).slice(0, ID_DIGITS);
}

/**
 * Reads the bytes of each item, by id. Every archive is read and verified once.
 * @throws BlobMissing, Corrupt
 */
export async function readOriginals(blobs: BlobStore, items: readonly Item[]): Promise<Map<string, Uint8Array>> {
  const archives = new Map<Digest, Promise<Uint8Array>>();
  const read = (digest: Digest) => {
    const bytes = archives.get(digest) ?? blobs.get(digest);
    archives.set(digest, bytes);
    return bytes;
  };
  const originals = await Promise.all(
    items.map(async ({ id, original }) => {
      if (typeof original === 'string') return [id, await read(original)] as const;
      const archive = await read(original.archive);
      const bytes = archive.subarray(original.offset, original.offset + original.size);
      if (bytes.length !== original.size) {
        throw new Corrupt(`the original of ${id} lies outside its archive ${original.archive}`);
      }
      return [id, bytes] as const;
    }),
  );
  return new Map(originals);
}

/** The bytes of one item, without the rest of its archive. @throws BlobMissing */
export async function readOriginal(blobs: BlobStore, { original }: Item): Promise<Uint8Array> {
  if (typeof original === 'string') return blobs.get(original);
  const { archive, offset, size } = original;
  return blobs.getRange(archive, { start: offset, end: offset + size - 1 });
}

/** Digests of the blobs that hold the originals of the items. */
export function originalLinks(items: readonly Item[]): Digest[] {
  return [...new Set(items.map(({ original }) => (typeof original === 'string' ? original : original.archive)))];
}

/** Digests of the blobs that the items name: originals, masks, joints, and signals that came with them. */
export function itemLinks(items: readonly Item[]): Digest[] {
  const poses = items.flatMap(({ pose }) => pose?.archive ?? []);
  const given = items.flatMap(({ signals = {} }) => Object.values(signals).map(({ archive }) => archive));
  return [...new Set([...originalLinks(items), ...items.flatMap(({ mask }) => mask ?? []), ...poses, ...given])];
}

export interface NewOriginal {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly attributes?: Item['attributes'] | undefined;
  readonly mask?: Digest | undefined;
  /** Its joints, as `pose` of an item describes them: npy. */
  readonly pose?: Uint8Array | undefined;
}

const pictureMember = (id: string) => `${id}.original`;
const poseMember = (id: string) => `${id}.pose.npy`;

/** Packs pictures and their joints into one archive. Returns their items, in order. */
export async function packOriginals(blobs: BlobStore, originals: readonly NewOriginal[]): Promise<Item[]> {
  const members = originals.flatMap(({ id, bytes, pose }) => [
    [pictureMember(id), bytes] as const,
    ...(pose ? [[poseMember(id), pose] as const] : []),
  ]);
  const archive = packColumn(new Map(members));
  const spans = readColumnIndex(archive);
  const { digest } = await blobs.put(archive, 'application/x-tar');
  return originals.map(({ id, name, attributes, mask }) => {
    const span = spans.get(pictureMember(id));
    const joints = spans.get(poseMember(id));
    if (span === undefined) throw new Corrupt(`the archive of the page lost ${name}`);
    const original = { archive: digest, ...span };
    return {
      id,
      name,
      original,
      ...(mask && { mask }),
      ...(joints && { pose: { archive: digest, ...joints } }),
      ...(attributes && { attributes }),
    };
  });
}
