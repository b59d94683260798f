/** @file The train split of a dataset, read from its columns into memory. */

import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/items.ts';
import type { ColumnName, Dataset, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { TrainingItem } from '../training/training-set.ts';

/** Suffix of each column's members, as in the seed's shards. */
const SUFFIXES = {
  image: 'image.npy',
  text: 't5h.npy',
  cls: 'dinov3.npy',
  patches: 'dinov3_patches.npy',
  pose: 'pose.npy',
} as const;
type TensorColumn = keyof typeof SUFFIXES;

/** Calls `onPage` after every page. @throws Unprocessable when a column that the model needs is missing. */
export async function loadTrainingItems(
  blobs: BlobStore,
  dataset: Dataset,
  { conditions }: KeyedConfig['model'],
  onPage: (done: number, total: number) => void,
): Promise<TrainingItem[]> {
  const needed: TensorColumn[] = ['image'];
  for (const signal of ['text', 'cls', 'patches', 'pose'] as const) if (conditions?.[signal]) needed.push(signal);
  const removed = new Set(dataset.removed);
  const items: TrainingItem[] = [];
  for (const [index, page] of dataset.pages.entries()) {
    items.push(...(await loadPage(blobs, page, needed, removed)));
    onPage(index + 1, dataset.pages.length);
  }
  return items;
}

async function loadPage(
  blobs: BlobStore,
  page: Page,
  needed: readonly TensorColumn[],
  removed: ReadonlySet<string>,
): Promise<TrainingItem[]> {
  const items = (await readItems(blobs, page)).filter(item => item.split === 'train' && !removed.has(item.id));
  if (items.length === 0) return [];
  const columns = new Map<TensorColumn, Map<string, Uint8Array>>();
  for (const name of needed) columns.set(name, await loadColumn(blobs, page, name));
  return items.map(({ id }) => {
    const read = (name: TensorColumn) => {
      const bytes = columns.get(name)?.get(`${id}.${SUFFIXES[name]}`);
      return bytes && decodeNpy(bytes);
    };
    const image = read('image');
    const [channels, height, width] = image?.shape ?? [];
    if (image?.dtype !== 'u8' || channels !== 3 || height === undefined || width === undefined) {
      throw new Unprocessable(`the image of ${id} is no uint8 array [3, height, width]`, {
        expected: 'the column that `bucket` makes',
      });
    }
    const [text, cls, patches, pose] = (['text', 'cls', 'patches', 'pose'] as const).map(name => {
      const array = read(name);
      return array && { rows: array.shape[0] ?? 0, data: toFloat32(array) };
    });
    return {
      id,
      height,
      width,
      pixels: image.data.slice(),
      ...(text && { text: { tokens: text.rows, data: text.data } }),
      ...(cls && { cls: cls.data }),
      ...(patches && { patches: patches.data }),
      ...(pose && { pose: pose.data }),
    };
  });
}

async function loadColumn(blobs: BlobStore, page: Page, name: ColumnName): Promise<Map<string, Uint8Array>> {
  const digest = page.columns[name];
  if (digest === undefined) {
    throw new Unprocessable(`the dataset has no column "${name}", which the model is conditioned on`, {
      expected: 'a dataset that went through the stages of `prepare`',
    });
  }
  return readColumn(await blobs.get(digest));
}

function toFloat32(array: ReturnType<typeof decodeNpy>): Float32Array {
  return array.dtype === 'f16' ? Float32Array.from(array.data, fromF16Bits) : Float32Array.from(array.data);
}
