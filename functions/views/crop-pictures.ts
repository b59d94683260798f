/** @file Picks the crops of a report: the pictures that lose most, as originals with the lost part shaded. */
import { memberName } from '../../configs/signals.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { type CropRecord, parseCropRecord } from '../datasets/crop-record.ts';
import { readOriginal } from '../datasets/originals.ts';
import type { CropWindow, RgbImage } from '../pictures/image.ts';
import { encodeThumbnail, fitRgb } from '../pictures/image.ts';

const MAX_SHOWN = 24;
const THUMBNAIL_SIDE = 200;
/** Pages read at once, and originals. */
const WIDTH = 8;
/** What is cut is shown this dark. */
const SHADE = 0.3;

export interface CropRow {
  readonly name: string;
  readonly record: CropRecord;
}

export interface ReportCrops {
  /** Of all pictures, those that lose most first. */
  readonly rows: readonly CropRow[];
  /** The first of them. */
  readonly shown: readonly (CropRow & { readonly webp: Uint8Array })[];
}

/** Undefined without records of crops. */
export async function pickCrops(
  blobs: BlobStore,
  { pages, removed }: Dataset,
  signal: AbortSignal,
): Promise<ReportCrops | undefined> {
  if (pages.every(({ columns }) => columns.crop === undefined)) return undefined;
  const gone = new Set(removed);
  const read = await mapBounded(pages, { width: WIDTH, signal }, async page => {
    const records = page.columns.crop ? readColumn(await blobs.get(page.columns.crop)) : new Map();
    return (await readItems(blobs, page)).flatMap(item => {
      const member = records.get(memberName('crop', item.id));
      return member === undefined || gone.has(item.id) ? [] : [{ item, record: parseCropRecord(member) }];
    });
  });
  // A stable sort: of equal losses, the first picture stays first.
  const sorted = read.flat().toSorted((a, b) => lossOf(b.record) - lossOf(a.record));
  const worst = sorted.filter(({ record }) => lossOf(record) > 0).slice(0, MAX_SHOWN);
  const shown = await mapBounded(worst, { width: WIDTH, signal }, async ({ item, record }) => ({
    ...{ name: item.name, record },
    webp: await showCrop(blobs, item, record),
  }));
  return { rows: sorted.map(({ item: { name }, record }) => ({ name, record })), shown };
}

/** Lost joints first, then the share that is cut. */
function lossOf({ joints, cut }: CropRecord): number {
  return (joints?.lost ?? 0) + cut;
}

async function showCrop(blobs: BlobStore, item: Item, record: CropRecord): Promise<Uint8Array> {
  const image = await fitRgb(await readOriginal(blobs, item), THUMBNAIL_SIDE);
  return encodeThumbnail(shadeCut(image, record), THUMBNAIL_SIDE);
}

/** The picture, with what lies outside the window of its scaled form made dark. */
export function shadeCut({ data, width, height }: RgbImage, { scaled, ...window }: CropWindow): RgbImage {
  const [across, down] = [width / scaled.width, height / scaled.height];
  const [left, right] = [window.left * across, (window.left + window.width) * across];
  const [top, bottom] = [window.top * down, (window.top + window.height) * down];
  const shaded = Uint8Array.from(data, (value, i) => {
    const pixel = Math.floor(i / 3);
    const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
    return x >= left && x < right && y >= top && y < bottom ? value : Math.round(value * SHADE);
  });
  return { data: shaded, width, height };
}
