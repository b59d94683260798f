/** @file Picks the pictures of a report: some of a dataset, evenly spread, as training sees them. */
import { memberName } from '../../configs/signals.ts';
import { Internal } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { glanceAtColumn } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { drawPose } from '../pictures/draw-pose.ts';
import { encodeThumbnail, scaleToFit } from '../pictures/image.ts';
import { readPixels } from '../pictures/planar.ts';
import { describeMask, shadeMask } from './shade-mask.ts';

/** Longer side of a thumbnail, in pixels. */
const THUMBNAIL_SIDE = 160;
const MAX_PAGES = 16;
const MAX_PICTURES = 96;

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
  const readPicture = await openMembers(blobs, column);
  const { caption: captions, mask: masks } = page.columns;
  const readText = captions && (await openMembers(blobs, captions));
  const readMask = masks && (await openMasks(blobs, masks));
  const poses = page.columns.pose && (await glanceAtColumn(blobs, page.columns.pose));
  const pictures: ReportPicture[] = [];
  for (const { id, name, split, attributes } of items) {
    const plain = readPixels(await readPicture(memberName('image', id)));
    const said = typeof attributes?.caption === 'string' ? attributes.caption : '';
    const text = readText && Buffer.from(await readText(memberName('caption', id))).toString();
    const mask = await readMask?.(id);
    const pose = await poses?.read(memberName('pose', id));
    const shaded = mask ? shadeMask(plain, mask) : plain;
    const shown = pose ? drawPose(await scaleToFit(shaded, THUMBNAIL_SIDE), decodeNpy(pose).data) : shaded;
    const webp = await encodeThumbnail(shown, THUMBNAIL_SIDE);
    const caption = [text ?? said, ...(mask ? [`(${describeMask(mask)})`] : [])].join(' ');
    pictures.push({ name, split, caption, width: plain.width, height: plain.height, webp });
  }
  return pictures;
}

/** Reads masks of a page by id, uint8 [height, width]; undefined where a picture has none. */
async function openMasks(blobs: BlobStore, column: Digest) {
  const { read } = await glanceAtColumn(blobs, column);
  return async (id: string): Promise<Uint8Array | undefined> => {
    const bytes = await read(memberName('mask', id));
    if (bytes === undefined) return undefined;
    const { dtype, data } = decodeNpy(bytes);
    return dtype === 'u8' ? data : undefined;
  };
}

/** WebP of a picture as training sees it; undefined without the column `image`. */
export async function readThumbnail(blobs: BlobStore, { columns }: Page, id: string): Promise<Uint8Array | undefined> {
  if (columns.image === undefined) return undefined;
  const readMember = await openMembers(blobs, columns.image);
  return encodeThumbnail(readPixels(await readMember(memberName('image', id))), THUMBNAIL_SIDE);
}

/** A thumbnail within the page that shows it. */
export function webpUrl(webp: Uint8Array): string {
  return `data:image/webp;base64,${Buffer.from(webp).toString('base64')}`;
}

/** Reads members that every picture has. */
async function openMembers(blobs: BlobStore, column: Digest) {
  const { read } = await glanceAtColumn(blobs, column);
  return async (name: string): Promise<Uint8Array> => {
    const bytes = await read(name);
    if (bytes === undefined) throw new Internal(`the column ${column} has no member ${name}`);
    return bytes;
  };
}

/** At most `count` entries, evenly spaced, with the first among them. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]).filter(
    (each): each is T => each !== undefined,
  );
}
