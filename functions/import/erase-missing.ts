/**
 * @file Erases pictures that left their source, since a person may have asked for it: their pages are packed again
 * without them. The next `gc` deletes the former pages, as soon as no experiment holds them.
 */
import { putItems } from '../../storage/blobs/items.ts';
import type { Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { FoundPicture } from './import-pictures.ts';
import type { KnownPage } from './known-pages.ts';

export interface Erased {
  /** The pages of the last import, in order, with pictures of the source alone. */
  readonly pages: readonly KnownPage[];
  /** Number of pages that were packed again. */
  readonly packed: number;
  /** Ids of the pictures that are gone. */
  readonly ids: readonly string[];
}

/** @param pack Packs pictures of the source into pages, in order. */
export async function eraseMissing(
  blobs: BlobStore,
  known: readonly KnownPage[],
  pictures: readonly FoundPicture[],
  pack: (pictures: readonly FoundPicture[]) => Promise<readonly (readonly Item[])[]>,
): Promise<Erased> {
  const found = new Map(pictures.map(picture => [picture.id, picture]));
  const pages: KnownPage[] = [];
  const ids: string[] = [];
  let packed = 0;
  for (const page of known) {
    const stay = page.items.flatMap(({ id }) => found.get(id) ?? []);
    if (stay.length === page.items.length) {
      pages.push(page);
      continue;
    }
    ids.push(...page.items.flatMap(({ id }) => (found.has(id) ? [] : [id])));
    for (const items of stay.length > 0 ? await pack(stay) : []) {
      packed++;
      pages.push({ page: { items: (await putItems(blobs, items)).digest, columns: {} }, items });
    }
  }
  return { pages, packed, ids };
}
