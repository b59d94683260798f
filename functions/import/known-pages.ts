/** @file The pages of the last import. */
import { readItems } from '../../storage/blobs/items.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

export interface KnownPage {
  readonly page: Page;
  readonly items: readonly Item[];
}

export function readKnownPages(blobs: BlobStore, { pages }: Dataset): Promise<KnownPage[]> {
  return Promise.all(pages.map(async page => ({ page, items: await readItems(blobs, page) })));
}
