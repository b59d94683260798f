/**
 * @file Packs new pictures into pages while they are read, in the order of the source. A page holds its pictures until
 * it is full, so memory does not grow with the source.
 */
import { type Item, PAGE_SIZE } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MAX_ARCHIVE_BYTES, type NewOriginal, packOriginals } from '../datasets/originals.ts';

export interface PicturePages {
  add(picture: NewOriginal): Promise<void>;
  /** Ends the page. */
  cut(): Promise<void>;
  /** Packs what is left. @returns The items of each page. */
  close(): Promise<Item[][]>;
}

/** @param onPage Called with the number of pictures that are packed. */
export function openPicturePages(blobs: BlobStore, onPage: (packed: number) => void = () => {}): PicturePages {
  const pages: Item[][] = [];
  let open: NewOriginal[] = [];
  let size = 0;
  /** Pictures of the batch of 64, which may make several pages. */
  let batch = 0;
  let packed = 0;
  const flush = async () => {
    if (open.length === 0) return;
    pages.push(await packOriginals(blobs, open));
    packed += open.length;
    open = [];
    size = 0;
    onPage(packed);
  };
  return {
    async add(picture) {
      if (size > 0 && size + picture.bytes.length > MAX_ARCHIVE_BYTES) await flush();
      open.push(picture);
      size += picture.bytes.length;
      if (++batch < PAGE_SIZE) return;
      await flush();
      batch = 0;
    },
    async cut() {
      await flush();
      batch = 0;
    },
    async close() {
      await flush();
      return pages;
    },
  };
}
