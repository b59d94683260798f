/** @file Whether a dataset keeps the splits of another: a picture once in train must never be validated on. */
import type { Digest } from '../../storage/digest.ts';
import type { Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readDataset } from './documents.ts';
import { readItems } from './items.ts';

/** Whether a picture that both have lies in another split. */
export async function movesSplits(blobs: BlobStore, before: Digest, after: Digest): Promise<boolean> {
  const [old, now] = await Promise.all([readSplits(blobs, before), readSplits(blobs, after)]);
  for (const [id, split] of old) {
    const other = now.get(id);
    if (split !== undefined && other !== undefined && other !== split) return true;
  }
  return false;
}

async function readSplits(blobs: BlobStore, digest: Digest): Promise<Map<string, Split | undefined>> {
  const { pages } = await readDataset(blobs, digest);
  const items = await Promise.all(pages.map(page => readItems(blobs, page)));
  return new Map(items.flat().map(item => [item.id, item.split]));
}
