/** @file The train split of a dataset, read from its columns into memory. */

import type { KeyedConfig } from '../../configs/schema.ts';
import { type ColumnName, memberName, type SignalName, signalsOf } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/items.ts';
import type { Dataset, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { TrainingItem } from '../training/training-set.ts';

/** Calls `onPage` after every page. @throws Unprocessable when a column that the model needs is missing. */
export async function loadTrainingItems(
  blobs: BlobStore,
  dataset: Dataset,
  { conditions }: KeyedConfig['model'],
  onPage: (done: number, total: number) => void,
): Promise<TrainingItem[]> {
  const signals = signalsOf(conditions);
  const removed = new Set(dataset.removed);
  const items: TrainingItem[] = [];
  for (const [index, page] of dataset.pages.entries()) {
    items.push(...(await loadPage(blobs, page, signals, removed)));
    onPage(index + 1, dataset.pages.length);
  }
  return items;
}

async function loadPage(
  blobs: BlobStore,
  page: Page,
  signals: readonly SignalName[],
  removed: ReadonlySet<string>,
): Promise<TrainingItem[]> {
  const items = (await readItems(blobs, page)).filter(item => item.split === 'train' && !removed.has(item.id));
  if (items.length === 0) return [];
  const columns = new Map<ColumnName, Map<string, Uint8Array>>();
  for (const name of ['image', ...signals] as const) columns.set(name, await loadColumn(blobs, page, name));
  return items.map(({ id }) => {
    const read = (name: ColumnName) => {
      const bytes = columns.get(name)?.get(memberName(name, id));
      return bytes && decodeNpy(bytes);
    };
    const image = read('image');
    const [channels, height, width] = image?.shape ?? [];
    if (image?.dtype !== 'u8' || channels !== 3 || height === undefined || width === undefined) {
      throw new Unprocessable(`the image of ${id} is no uint8 array [3, height, width]`, {
        expected: 'the column that `bucket` makes',
      });
    }
    const found = signals.flatMap(name => {
      const array = read(name);
      return array ? [[name, { rows: array.shape[0] ?? 0, data: toFloat32(array) }] as const] : [];
    });
    return {
      id,
      height,
      width,
      pixels: image.data.slice(),
      signals: Object.fromEntries(found),
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
