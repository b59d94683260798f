/**
 * @file Checks that a dataset keeps the splits of another: a picture once in train must never be used for validation.
 */

import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset, Page, Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/**
 * True if a picture of both datasets lies in different splits. Skips pages present in both: their splits cannot have
 * changed.
 */
export async function movesSplits(blobs: BlobStore, before: Digest, after: Digest): Promise<boolean> {
  const [old, now] = await Promise.all([readDataset(blobs, before), readDataset(blobs, after)]);
  const splits = await readSplits(blobs, withoutPagesOf(old, now));
  for (const [id, split] of await readSplits(blobs, withoutPagesOf(now, old))) {
    const other = splits.get(id);
    if (split !== undefined && other !== undefined && other !== split) return true;
  }
  return false;
}

function withoutPagesOf({ pages }: Dataset, other: Dataset): Page[] {
  const shared = new Set(other.pages.map(page => page.items));
  return pages.filter(page => !shared.has(page.items));
}

async function readSplits(blobs: BlobStore, pages: readonly Page[]): Promise<Map<string, Split | undefined>> {
  const items = await Promise.all(pages.map(page => readItems(blobs, page)));
  return new Map(items.flat().map(item => [item.id, item.split]));
}
