/** @file How large the pictures of a dataset are. */
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { readNpyHeader } from '../../formats/npy.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { readStoredIndex } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { BucketCount, Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Enough for the header of a picture's npy file. */
const HEADER_BYTES = 128;
/** Largest number of concurrent reads. */
const WIDTH = 16;

/** Pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** At least one, commonest first. */
export type BucketSizes = readonly [BucketCount, ...BucketCount[]];

/**
 * The sizes of the pictures of a dataset, each once. Pictures that were removed do not count.
 * @throws Unprocessable if there is no picture.
 */
export async function readBucketSizes(blobs: BlobStore, dataset: Dataset): Promise<BucketSizes> {
  const [first, ...others] = dataset.buckets ?? (await countSizes(blobs, dataset));
  if (first !== undefined) return [first, ...others];
  throw new Unprocessable('the dataset has no pictures', { expected: 'a dataset that went through bucket' });
}

/** The commonest size of the pictures of a dataset. @throws Unprocessable if there is no picture. */
export async function findPictureSize(blobs: BlobStore, dataset: Digest): Promise<PictureSize> {
  const [commonest] = await readBucketSizes(blobs, await readDataset(blobs, dataset));
  return commonest;
}

/** {@link findPictureSize}, which reads the dataset once, however many configs ask, and only if one does. */
export function rememberPictureSize(blobs: BlobStore, dataset: Digest): () => Promise<PictureSize> {
  let size: Promise<PictureSize> | undefined;
  return () => {
    size ??= findPictureSize(blobs, dataset);
    return size;
  };
}

/** Sizes of all pictures, read from the column `image`, commonest first. Also of a dataset of an earlier version. */
async function countSizes(
  blobs: BlobStore,
  { pages, removed }: Pick<Dataset, 'pages' | 'removed'>,
): Promise<BucketCount[]> {
  const gone = new Set(removed);
  const read = async (page: Page) => (await readItems(blobs, page)).filter(({ id }) => !gone.has(id));
  return countSizesOf(
    blobs,
    pages.map(page => ({ column: page.columns.image, items: () => read(page) })),
  );
}

/** Pictures of a column. */
export interface ColumnItems {
  readonly column: Digest | undefined;
  items(): readonly Item[] | Promise<readonly Item[]>;
}

/** The sizes of pictures whose items are known, commonest first. */
export async function countSizesOf(blobs: BlobStore, columns: readonly ColumnItems[]): Promise<BucketCount[]> {
  // `bucket` gives pictures of one original size one bucket, so few headers are read.
  const known = new Map<string, Promise<PictureSize>>();
  const counts = new Map<string, BucketCount>();
  for (const { column, items: find } of columns) {
    const items = await find();
    for (const [index, size] of (await readColumnSizes(blobs, column, items, known)).entries()) {
      const key = `${size.width}x${size.height}`;
      const { pictures = 0, train = 0 } = counts.get(key) ?? {};
      const isTrained = items[index]?.split === 'train';
      counts.set(key, { ...size, pictures: pictures + 1, train: train + (isTrained ? 1 : 0) });
    }
  }
  return [...counts.values()].sort((a, b) => b.pictures - a.pictures);
}

/** The size of the most pixels, which takes the most memory. */
export function largestOf(sizes: readonly [PictureSize, ...PictureSize[]]): PictureSize {
  const area = ({ width, height }: PictureSize) => width * height;
  return sizes.reduce((largest, size) => (area(size) > area(largest) ? size : largest));
}

async function readColumnSizes(
  blobs: BlobStore,
  image: Digest | undefined,
  items: readonly Item[],
  known: Map<string, Promise<PictureSize>>,
): Promise<readonly PictureSize[]> {
  if (image === undefined || items.length === 0) return [];
  const spans = await readStoredIndex(blobs, image);
  return mapBounded(items, { width: WIDTH }, item => {
    const span = spans.get(memberName('image', item.id));
    if (span === undefined) throw new Unprocessable(`the image column has no member ${memberName('image', item.id)}`);
    const key = item.width === undefined ? item.id : `${item.width} x ${item.height}, ${span.size} bytes`;
    const size = known.get(key) ?? readSize(blobs, image, span.offset);
    known.set(key, size);
    return size;
  });
}

/** @param offset The place of the picture in the column: u8 [3, height, width]. */
async function readSize(blobs: BlobStore, column: Digest, offset: number): Promise<PictureSize> {
  const { shape } = readNpyHeader(await blobs.getRange(column, { start: offset, end: offset + HEADER_BYTES - 1 }));
  const [channels, height, width] = shape;
  if (channels === 3 && height !== undefined && width !== undefined) return { width, height };
  throw new Unprocessable(`the pictures in ${column} are not u8 [3, height, width]`, {
    expected: 'the image column that bucket makes',
  });
}
