/** @file What a dataset says of pictures that were made under the ids of its items. */
import { memberName } from '../../configs/signals.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { openColumn } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

export interface Wanted {
  readonly item: Item;
  /** [133, (x, y, confidence)] in [-1, 1]. */
  readonly pose: Float32Array | undefined;
}

/** What the dataset says of these pictures, by id. */
export async function readWanted(
  blobs: BlobStore,
  dataset: Digest,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Wanted>> {
  const found = new Map<string, Wanted>();
  for (const page of (await readDataset(blobs, dataset)).pages) {
    const items = (await readItems(blobs, page)).filter(({ id }) => ids.has(id));
    if (items.length === 0) continue;
    const poses = page.columns.pose && (await openColumn(blobs, page.columns.pose));
    for (const item of items) {
      const member = await poses?.read(memberName('pose', item.id));
      const array = member && decodeNpy(member);
      found.set(item.id, { item, pose: array?.dtype === 'f32' ? array.data : undefined });
    }
  }
  return found;
}
