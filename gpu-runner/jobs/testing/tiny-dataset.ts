/** @file Stores the tiny items of the training tests as a dataset. */
import { memberName, type SignalName, shapeOfSignal } from '../../../configs/signals.ts';
import { encodeNpy } from '../../../formats/npy.ts';
import { packColumn } from '../../../formats/webdataset.ts';
import { putDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { BlobStore } from '../../../storage/types.ts';
import type { StoredSignal, TrainingItem } from '../../training/source.ts';
import { tinyConfig } from '../../training/testing/tiny.ts';

export interface TinyDatasetOptions {
  /** Items per page; default: one page for all. */
  readonly pageSize?: number;
  /** Columns besides the image; default: all. */
  readonly signals?: readonly SignalName[];
  /** Positions of items that are not in the train split. */
  readonly validation?: readonly number[];
  readonly removed?: readonly string[];
}

/** Writes the columns of 16 x 16 pictures and the dataset. Returns its digest. */
export async function putTinyDataset(
  blobs: BlobStore,
  items: readonly TrainingItem[],
  options: TinyDatasetOptions = {},
): Promise<Digest> {
  const { pageSize = items.length, signals = ['text', 'cls', 'patches', 'pose'], validation = [] } = options;
  const pages = [];
  for (let start = 0; start < items.length; start += pageSize) {
    const members = items.slice(start, start + pageSize);
    const records = members.map(({ id }, i) => ({
      id,
      name: id,
      original: `sha256:${'0'.repeat(64)}`,
      split: validation.includes(start + i) ? 'val' : 'train',
    }));
    const columns: Record<string, Digest> = {
      image: await putColumn(blobs, members, ({ id, pixels, height, width }) => [
        memberName('image', id),
        encodeNpy({ dtype: 'u8', shape: [3, height, width], data: pixels }),
      ]),
    };
    const masks = members.flatMap(({ id, mask, height, width }) =>
      mask ? [[memberName('mask', id), encodeNpy({ dtype: 'u8', shape: [height, width], data: mask })] as const] : [],
    );
    if (masks.length > 0) columns.mask = (await blobs.put(packColumn(new Map(masks)))).digest;
    for (const name of signals) {
      columns[name] = await putColumn(blobs, members, item => [memberName(name, item.id), encodeSignal(name, item)]);
    }
    const lines = records.map(record => `${JSON.stringify(record)}\n`).join('');
    pages.push({ items: (await blobs.put(Buffer.from(lines))).digest, columns });
  }
  const dataset = {
    v: 1,
    kind: 'dataset',
    pages,
    removed: [...(options.removed ?? [])],
    encoders: {},
    counts: {},
    rejects: [],
    links: [],
  };
  return (await putDocument(blobs, dataset)).digest;
}

async function putColumn(
  blobs: BlobStore,
  items: readonly TrainingItem[],
  encode: (item: TrainingItem) => readonly [string, Uint8Array],
): Promise<Digest> {
  return (await blobs.put(packColumn(new Map(items.map(encode))))).digest;
}

function encodeSignal(name: SignalName, { signals }: TrainingItem): Uint8Array {
  const { rows, data }: StoredSignal = signals[name] ?? { rows: 0, data: new Float32Array() };
  const axes = shapeOfSignal(tinyConfig().model.conditions, name, { height: 16, width: 16, tokens: rows }) ?? [];
  const shape = [rows, ...axes.slice(1)];
  return data instanceof Float32Array
    ? encodeNpy({ dtype: 'f32', shape, data })
    : encodeNpy({ dtype: 'f16', shape, data });
}
