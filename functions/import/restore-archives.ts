/** @file Restores lost archives of originals from their source. */
import type { BlobStore } from '../../storage/types.ts';
import { originalLinks, packOriginals } from '../datasets/originals.ts';
import type { FoundPicture } from './import-pictures.ts';
import type { KnownPage } from './known-pages.ts';

/**
 * Packs each lost archive again if the source still has all its pictures. Equal pictures in equal order give equal
 * bytes.
 */
export async function restoreArchives(
  blobs: BlobStore,
  known: readonly KnownPage[],
  pictures: readonly FoundPicture[],
): Promise<void> {
  const found = new Map(pictures.map(picture => [picture.id, picture]));
  for (const { items } of known) {
    for (const archive of originalLinks(items)) {
      if ((await blobs.head(archive)) !== undefined) continue;
      const inside = items.filter(({ original }) => typeof original !== 'string' && original.archive === archive);
      const sources = inside.flatMap(({ id }) => found.get(id) ?? []);
      if (sources.length < inside.length || sources.length === 0) continue;
      const read = async ({ id, name, read }: FoundPicture) => ({ id, name, bytes: await read() });
      await packOriginals(blobs, await Promise.all(sources.map(read)));
    }
  }
}
