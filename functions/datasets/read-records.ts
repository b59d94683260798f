/** @file The records that a stage has written about the pictures of a dataset, such as those of crops. */
import { type ColumnName, memberName } from '../../configs/signals.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Pages read at once. */
const WIDTH = 8;

export interface Recorded<T> {
  readonly item: Item;
  readonly page: Page;
  readonly record: T;
}

/**
 * The pictures that have a record, in the order of the dataset; removed ones are left out. Undefined if no page has the
 * column.
 * @param parse Reads a member of the column. Its error is passed on.
 */
export async function readRecords<T>(
  blobs: BlobStore,
  { pages, removed }: Dataset,
  column: ColumnName,
  parse: (member: Uint8Array) => T,
  signal: AbortSignal,
): Promise<Recorded<T>[] | undefined> {
  if (pages.every(({ columns }) => columns[column] === undefined)) return undefined;
  const gone = new Set(removed);
  const read = await mapBounded(pages, { width: WIDTH, signal }, async page => {
    const digest = page.columns[column];
    if (digest === undefined) return [];
    const members = readColumn(await blobs.get(digest));
    return (await readItems(blobs, page)).flatMap((item): Recorded<T>[] => {
      const member = members.get(memberName(column, item.id));
      return member === undefined || gone.has(item.id) ? [] : [{ item, page, record: parse(member) }];
    });
  });
  return read.flat();
}
