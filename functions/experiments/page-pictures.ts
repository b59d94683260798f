/** @file Single pictures of a dataset, read from the columns of its pages. */
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { spreadIndexes } from '../../numerics/spread-indexes.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type ColumnReader, openColumn } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { PlanarImage } from '../pictures/planar.ts';
import type { ColumnItems } from './training-size.ts';

export interface PagePictures {
  /** Without removed ones, in the order of the pages. */
  readonly items: readonly Item[];
  /** Columns of pictures, in the order of the pages, that have at least one item of these splits. */
  columnsOf(splits: readonly Split[]): Digest[];
  /** The same that have at least one of these pictures. */
  columnsWith(ids: ReadonlySet<string>): Digest[];
  itemsOf(split: Split): Item[];
  /** These items by their columns. */
  byColumn(items: readonly Item[]): ColumnItems[];
  /** @throws Unprocessable if there is no such picture. */
  read(id: string): Promise<PlanarImage>;
}

/** Pages read at once. */
const WIDTH = 16;

/** @throws Unprocessable if a page has no column `image`. */
export async function openPagePictures(blobs: BlobStore, { pages, removed }: Dataset): Promise<PagePictures> {
  const gone = new Set(removed);
  const placed = await mapBounded(pages, { width: WIDTH }, async page => {
    const column = page.columns.image;
    if (column === undefined) {
      throw new Unprocessable('the dataset has no column image', {
        expected: 'a dataset that went through bucket',
        hint: 'POST /functions/prepare makes every column',
      });
    }
    const items = (await readItems(blobs, page)).filter(({ id }) => !gone.has(id));
    return items.map(item => ({ item, column }));
  });
  const all = placed.flat();
  const columns = new Map(all.map(({ item, column }) => [item.id, column]));
  const readers = new Map<Digest, Promise<ColumnReader>>();
  return {
    items: all.map(({ item }) => item),
    columnsOf: splits => [
      ...new Set(all.flatMap(({ item, column }) => (item.split && splits.includes(item.split) ? [column] : []))),
    ],
    columnsWith: ids => [...new Set(all.flatMap(({ item, column }) => (ids.has(item.id) ? [column] : [])))],
    itemsOf: split => all.flatMap(({ item }) => (item.split === split ? [item] : [])),
    byColumn: items =>
      [...Map.groupBy(items, ({ id }) => columns.get(id))].map(([column, found]) => ({ column, items: () => found })),
    async read(id) {
      const column = columns.get(id);
      if (column === undefined) throw new Unprocessable(`the dataset has no picture ${id}`);
      const reader = readers.get(column) ?? openColumn(blobs, column);
      readers.set(column, reader);
      return readMember(id, await (await reader).read(memberName('image', id)));
    },
  };
}

/** @throws Unprocessable unless the member is u8 [3, height, width]. */
export function readMember(id: string, member: Uint8Array | undefined): PlanarImage {
  const array = member && decodeNpy(member);
  const [channels, height = 0, width = 0] = array?.shape ?? [];
  if (array?.dtype === 'u8' && channels === 3) return { data: array.data, width, height };
  throw new Unprocessable(`the picture ${id} is not u8 [3, height, width]`, {
    expected: 'a column of pictures: the column image of a page, or what draw made',
  });
}

/**
 * Columns in which pictures are found for a comparison with training pictures: those of `wanted`, and as many others,
 * evenly spread, as have so many training pictures.
 */
export function chooseColumns(pages: PagePictures, wanted: readonly Digest[], reference: number): Digest[] {
  const others = pages.columnsOf(['train']);
  const share = Math.min(1, reference / Math.max(1, pages.itemsOf('train').length));
  const chosen = spreadIndexes(others.length, Math.ceil(share * others.length)).flatMap(i => others[i] ?? []);
  return [...new Set([...wanted, ...chosen])];
}
