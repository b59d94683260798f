/** @file Finds the near-duplicates that a report shows, as pairs. */
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readThumbnail } from './report-pictures.ts';

const MAX_PAIRS = 24;
/** Largest number of concurrent reads. */
const WIDTH = 16;

export interface PairedPicture {
  readonly name: string;
  /** Absent without the column `image`. */
  readonly webp?: Uint8Array;
}

export interface NearDuplicate {
  /** The first picture of its cluster. */
  readonly first: PairedPicture;
  readonly second: PairedPicture;
}

interface Place {
  readonly page: Page;
  readonly item: Item;
}

/** In the order of the dataset. A picture whose first one was removed has no pair. */
export async function pickPairs(blobs: BlobStore, dataset: Dataset, signal: AbortSignal): Promise<NearDuplicate[]> {
  if (dataset.counts.duplicates === 0) return [];
  const removed = new Set(dataset.removed);
  const places = await mapBounded(dataset.pages, { width: WIDTH, signal }, async page =>
    (await readItems(blobs, page)).flatMap(item => (removed.has(item.id) ? [] : [{ page, item }])),
  );
  const byId = new Map(places.flat().map(place => [place.item.id, place]));
  const found = [...byId.values()].flatMap(second => {
    const { id, cluster = id } = second.item;
    const first = cluster === id ? undefined : byId.get(cluster);
    return first ? [{ first, second }] : [];
  });
  const show = async ({ page, item }: Place): Promise<PairedPicture> => {
    const webp = await readThumbnail(blobs, page, item.id);
    return { name: item.name, ...(webp && { webp }) };
  };
  return mapBounded(found.slice(0, MAX_PAIRS), { width: WIDTH, signal }, async ({ first, second }) => ({
    first: await show(first),
    second: await show(second),
  }));
}
