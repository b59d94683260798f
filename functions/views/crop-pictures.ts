/** @file Picks the crops of a report: the pictures that lose most, as originals with the lost part shaded. */
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { type CropRecord, parseCropRecord } from '../datasets/crop-record.ts';
import { readOriginal } from '../datasets/originals.ts';
import { readRecords } from '../datasets/read-records.ts';
import type { CropWindow } from '../pictures/image.ts';
import { encodeThumbnail, fitRgb } from '../pictures/image.ts';
import type { RgbImage } from '../pictures/planar.ts';

const MAX_SHOWN = 24;
const THUMBNAIL_SIDE = 200;
/** Originals read at once. */
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
  dataset: Dataset,
  signal: AbortSignal,
): Promise<ReportCrops | undefined> {
  const records = await readRecords(blobs, dataset, 'crop', parseCropRecord, signal);
  if (records === undefined) return undefined;
  // A stable sort: of equal losses, the first picture stays first.
  const sorted = records.toSorted((a, b) => lossOf(b.record) - lossOf(a.record));
  const worst = sorted.filter(({ record }) => lossOf(record) > 0).slice(0, MAX_SHOWN);
  const shown = await mapBounded(worst, { width: WIDTH, signal }, async ({ item, record }) => ({
    name: item.name,
    record,
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
