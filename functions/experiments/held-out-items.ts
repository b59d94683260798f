/** @file Pictures of the split `val`, which no training sees, with all their signals as training would read them. */
import { type ColumnName, memberName, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type ColumnReader, openColumn } from '../../storage/blobs/read-column.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readArray } from '../encoders/encode-on-runner.ts';
import type { EncodedArray } from '../encoders/encoder.ts';
import type { PlanarImage } from '../pictures/planar.ts';

export interface HeldOutItem {
  readonly id: string;
  readonly name: string;
  /** Empty without one. */
  readonly caption: string;
  readonly picture: PlanarImage;
  /** Those of `signals` that the picture has. */
  readonly signals: ReadonlyMap<SignalName, EncodedArray>;
}

/**
 * The first held-out pictures of a dataset, in the order of its pages: pictures that are added later do not displace
 * them. Fewer than `count` if the dataset has no more.
 */
export async function readHeldOut(
  blobs: BlobStore,
  dataset: Dataset,
  count: number,
  signals: readonly SignalName[],
): Promise<HeldOutItem[]> {
  const removed = new Set(dataset.removed);
  const found: HeldOutItem[] = [];
  for (const page of dataset.pages) {
    const items = (await readItems(blobs, page)).filter(({ id, split }) => split === 'val' && !removed.has(id));
    const wanted = items.slice(0, count - found.length);
    if (wanted.length > 0) found.push(...(await readPage(blobs, page, wanted, signals)));
    if (found.length === count) break;
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
    items.map(async ({ id, name }) => {
      const arrays = await Promise.all(
        signals.map(async signal => [signal, readArray(await read(signal, id))] as const),
      );
      return {
        id,
        name,
        caption: Buffer.from((await read('caption', id)) ?? []).toString('utf8'),
        picture: readPicture(id, await read('image', id)),
        signals: new Map(arrays.flatMap(([signal, array]) => (array ? [[signal, array] as const] : []))),
      };
    }),
  );
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
