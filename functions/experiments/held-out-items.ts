/** @file Pictures of a split with all their signals as training would read them. No training sees the split `val`. */
import { type ColumnName, memberName, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type ColumnReader, openColumn } from '../../storage/blobs/read-column.ts';
import type { Dataset, Item, Page, Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readArray } from '../encoders/encode-on-runner.ts';
import type { EncodedArray } from '../encoders/encoder.ts';
import type { PlanarImage } from '../pictures/planar.ts';

export interface HeldOutItem {
  readonly id: string;
  readonly name: string;
  /** Blank: the picture has none. Undefined: the dataset does not keep it, as one of ready arrays. */
  readonly caption: string | undefined;
  readonly picture: PlanarImage;
  readonly attributes?: Item['attributes'];
  /** Those of `signals` that the picture has. */
  readonly signals: ReadonlyMap<SignalName, EncodedArray>;
}

export interface SplitItem extends HeldOutItem {
  /** Its place among all pictures of the split that ever were in the dataset. It stays when others come or go. */
  readonly ordinal: number;
}

/** Some pictures of a split, in the order of the pages. */
export interface SplitRange {
  readonly split: Split;
  /** So many pictures are passed over. */
  readonly first: number;
  readonly count: number;
}

/**
 * The first held-out pictures of a dataset, in the order of its pages: pictures that are added later do not displace
 * them. Fewer than `count` if the dataset has no more.
 */
export function readHeldOut(
  blobs: BlobStore,
  dataset: Dataset,
  count: number,
  signals: readonly SignalName[],
): Promise<HeldOutItem[]> {
  return readSplit(blobs, dataset, { split: 'val', first: 0, count }, signals);
}

/** Pictures of a split with the given signals. Fewer than `count` if the dataset has no more. */
export async function readSplit(
  blobs: BlobStore,
  dataset: Dataset,
  range: SplitRange,
  signals: readonly SignalName[],
): Promise<SplitItem[]> {
  const found: SplitItem[] = [];
  for (const { page, placed } of await placeItems(blobs, dataset, range)) {
    const items = await readPage(
      blobs,
      page,
      placed.map(({ item }) => item),
      signals,
    );
    found.push(...items.map((item, i) => ({ ...item, ordinal: placed[i]?.ordinal ?? 0 })));
  }
  return found;
}

/** How many pictures {@link readSplit} finds. */
export async function countSplit(blobs: BlobStore, dataset: Dataset, range: SplitRange): Promise<number> {
  return (await placeItems(blobs, dataset, range)).reduce((sum, { placed }) => sum + placed.length, 0);
}

interface PlacedItem {
  readonly item: Item;
  readonly ordinal: number;
}

/** The items of a range by page, with their places. Pages are append-only, and removed pictures keep theirs. */
async function placeItems(blobs: BlobStore, dataset: Dataset, { split, first, count }: SplitRange) {
  const removed = new Set(dataset.removed);
  const found: { readonly page: Page; readonly placed: PlacedItem[] }[] = [];
  let [ordinal, present] = [0, 0];
  for (const page of dataset.pages) {
    const placed: PlacedItem[] = [];
    for (const item of await readItems(blobs, page)) {
      if (item.split !== split) continue;
      const place = ordinal++;
      if (removed.has(item.id)) continue;
      if (present >= first && present < first + count) placed.push({ item, ordinal: place });
      present++;
    }
    if (placed.length > 0) found.push({ page, placed });
    if (present >= first + count) break;
  }
  return found;
}

async function readPage(
  blobs: BlobStore,
  { columns }: Page,
  items: readonly Item[],
  signals: readonly SignalName[],
): Promise<HeldOutItem[]> {
  const readers = new Map<ColumnName, ColumnReader>();
  for (const name of ['image', 'caption', ...signals] as const) {
    const digest = columns[name];
    if (digest !== undefined) readers.set(name, await openColumn(blobs, digest));
  }
  const read = async (column: ColumnName, id: string) => readers.get(column)?.read(memberName(column, id));
  return Promise.all(
    items.map(async ({ id, name, attributes }) => {
      const arrays = await Promise.all(
        signals.map(async signal => [signal, readArray(await read(signal, id))] as const),
      );
      return {
        id,
        name,
        ...(attributes && { attributes }),
        caption: readText(await read('caption', id)),
        picture: readPicture(id, await read('image', id)),
        signals: new Map(arrays.flatMap(([signal, array]) => (array ? [[signal, array] as const] : []))),
      };
    }),
  );
}

/** A job samples pictures of one size, which have the same signals. */
export function groupAlike<T>(
  items: readonly T[],
  describe: (item: T) => {
    readonly width: number;
    readonly height: number;
    readonly signals: ReadonlyMap<SignalName, unknown>;
  },
): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const { width, height, signals } = describe(item);
    const key = [width, height, ...signals.keys()].join(' ');
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}

function readText(member: Uint8Array | undefined): string | undefined {
  return member && Buffer.from(member).toString('utf8');
}

/** @throws Unprocessable unless the member is u8 [3, height, width]. */
function readPicture(id: string, member: Uint8Array | undefined): PlanarImage {
  const array = member && decodeNpy(member);
  const [channels, height, width] = array?.shape ?? [];
  if (array?.dtype === 'u8' && channels === 3 && height !== undefined && width !== undefined) {
    return { data: array.data, width, height };
  }
  throw new Unprocessable(`the picture ${id} is not u8 [3, height, width]`, {
    expected: 'the image column that bucket makes',
  });
}
