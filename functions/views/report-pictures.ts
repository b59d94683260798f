/** @file Picks the pictures of a report: some of a dataset, evenly spread, as training sees them. */
import { memberName } from '../../configs/signals.ts';
import { Internal } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { columnHeadBytes, type MemberSpan, readColumnIndex } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { encodeThumbnail, type RgbImage } from '../pictures/image.ts';
import { toInterleaved } from '../pictures/planar.ts';
import { describeMask, shadeMask } from './shade-mask.ts';

/** Longer side of a thumbnail, in pixels. */
const THUMBNAIL_SIDE = 160;
const MAX_PAGES = 16;
const MAX_PICTURES = 96;
/** Size of a tar header. */
const BLOCK_BYTES = 512;

export interface ReportPicture {
  readonly name: string;
  readonly split: string | undefined;
  readonly caption: string;
  /** Size in pixels, as training sees it. */
  readonly width: number;
  readonly height: number;
  readonly webp: Uint8Array;
}

/**
 * Pictures in the order of the dataset; none without the column `image`. Reads only the shown members of large pages.
 */
export async function pickPictures(blobs: BlobStore, dataset: Dataset, signal: AbortSignal): Promise<ReportPicture[]> {
  const removed = new Set(dataset.removed);
  const pages = spread(dataset.pages, MAX_PAGES);
  const perPage = Math.ceil(MAX_PICTURES / Math.max(1, pages.length));
  const pictures: ReportPicture[] = [];
  for (const page of pages) {
    signal.throwIfAborted();
    if (page.columns.image === undefined) continue;
    const items = (await readItems(blobs, page)).filter(item => !removed.has(item.id));
    pictures.push(...(await readPictures(blobs, page, page.columns.image, spread(items, perPage))));
  }
  return pictures;
}

async function readPictures(
  blobs: BlobStore,
  page: Page,
  column: Digest,
  items: readonly Item[],
): Promise<ReportPicture[]> {
  const spans = await readIndex(blobs, column);
  const captions = page.columns.caption;
  const texts = captions && (await readIndex(blobs, captions));
  const readMask = await openMasks(blobs, page.columns.mask);
  const pictures: ReportPicture[] = [];
  for (const { id, name, split, attributes } of items) {
    const plain = readImage(await readMember(blobs, column, spans, memberName('image', id)));
    const said = typeof attributes?.caption === 'string' ? attributes.caption : '';
    const text =
      texts && captions && Buffer.from(await readMember(blobs, captions, texts, memberName('caption', id))).toString();
    const mask = await readMask(id);
    const webp = await encodeThumbnail(mask ? shadeMask(plain, mask) : plain, THUMBNAIL_SIDE);
    const caption = [text ?? said, ...(mask ? [`(${describeMask(mask)})`] : [])].join(' ');
    pictures.push({ name, split, caption, width: plain.width, height: plain.height, webp });
  }
  return pictures;
}

/** Reads masks of a page by id, uint8 [height, width]; undefined where a picture has none. */
async function openMasks(blobs: BlobStore, column: Digest | undefined) {
  const spans = column && (await readIndex(blobs, column));
  return async (id: string): Promise<Uint8Array | undefined> => {
    const name = memberName('mask', id);
    if (column === undefined || spans?.has(name) !== true) return undefined;
    const { dtype, data } = decodeNpy(await readMember(blobs, column, spans, name));
    return dtype === 'u8' ? data : undefined;
  };
}

/** WebP of a picture as training sees it; undefined without the column `image`. */
export async function readThumbnail(blobs: BlobStore, { columns }: Page, id: string): Promise<Uint8Array | undefined> {
  if (columns.image === undefined) return undefined;
  const spans = await readIndex(blobs, columns.image);
  const image = readImage(await readMember(blobs, columns.image, spans, memberName('image', id)));
  return encodeThumbnail(image, THUMBNAIL_SIDE);
}

async function readIndex(blobs: BlobStore, column: Digest): Promise<Map<string, MemberSpan>> {
  const first = await blobs.getRange(column, { start: 0, end: BLOCK_BYTES - 1 });
  return readColumnIndex(await blobs.getRange(column, { start: 0, end: columnHeadBytes(first) - 1 }));
}

async function readMember(
  blobs: BlobStore,
  column: Digest,
  spans: ReadonlyMap<string, MemberSpan>,
  name: string,
): Promise<Uint8Array> {
  const span = spans.get(name);
  if (span === undefined) throw new Internal(`the column ${column} has no member ${name}`);
  if (span.size === 0) return new Uint8Array();
  return blobs.getRange(column, { start: span.offset, end: span.offset + span.size - 1 });
}

/** A member of the image column: u8 [3, height, width]. */
function readImage(npy: Uint8Array): RgbImage {
  const { dtype, shape, data } = decodeNpy(npy);
  const [channels, height = 0, width = 0] = shape;
  if (dtype !== 'u8' || channels !== 3) throw new Internal(`a picture of ${dtype} [${shape.join(', ')}]`);
  return toInterleaved({ data, width, height });
}

/** At most `count` entries, evenly spaced, with the first among them. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]).filter(
    (each): each is T => each !== undefined,
  );
}
