/** @file The captions of all pictures of a dataset as a training reads them: those of the column, if there is one. */
import { memberName, variantsOf } from '../../configs/signals.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Pages read at once. */
const WIDTH = 8;

export interface CaptionedItem {
  readonly item: Item;
  /** All variants, without empty ones. */
  readonly captions: readonly string[];
}

/** Items of all pages in order, without removed ones. @throws BlobMissing */
export async function readCaptions(
  blobs: BlobStore,
  { pages, removed }: Pick<Dataset, 'pages' | 'removed'>,
): Promise<CaptionedItem[]> {
  const gone = new Set(removed);
  const read = await mapBounded(pages, { width: WIDTH }, async page => {
    const items = (await readItems(blobs, page)).filter(({ id }) => !gone.has(id));
    const { caption } = page.columns;
    const members = caption && readColumn(await blobs.get(caption));
    return items.map(item => {
      const given = item.attributes?.caption;
      const texts = members
        ? [item.id, ...variantsOf(members, 'caption', item.id)].map(id =>
            Buffer.from(members.get(memberName('caption', id)) ?? '').toString('utf8'),
          )
        : [typeof given === 'string' ? given : ''];
      return { item, captions: texts.filter(text => text !== '') };
    });
  });
  return read.flat();
}
