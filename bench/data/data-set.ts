/**
 * @file Writes a dataset of random pictures with all signals into a folder store. Reading does not depend on content.
 */
import { randomFillSync } from 'node:crypto';
import { type ColumnName, memberName } from '../../configs/signals.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { packColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { openStore } from '../../storage/open.ts';
import { PAGE_SIZE } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

const JOINTS = 133;
const STRIDE = 16;

export const CONDITIONS = {
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64 },
  patches: { encoder: 'dct', dim: 27, stride: STRIDE },
  pose: { joints: JOINTS, threshold: 0.05 },
} as const;

/** Numbers of a picture in a dataset. */
export interface PictureShape {
  /** Pixels of a side. */
  readonly side: number;
  /** Tokens of a caption, and numbers of each. */
  readonly tokens: number;
  readonly textDim: number;
  readonly clsDim: number;
  /** Numbers of a patch of 16 x 16 pixels. */
  readonly patchDim: number;
}

/** Pictures that the demo's encoders describe. */
export const SMALL_SHAPE: PictureShape = {
  side: 256,
  tokens: 24,
  textDim: CONDITIONS.text.dim,
  clsDim: CONDITIONS.cls.dim,
  patchDim: CONDITIONS.patches.dim,
};
/** Pictures that T5-large and DINOv3 ViT-L/16 describe, with captions of 200 tokens. */
export const LARGE_SHAPE: PictureShape = { side: 1024, tokens: 200, textDim: 1024, clsDim: 1024, patchDim: 1024 };

/**
 * Writes `counts.at(-1)` pictures.
 * @returns For each count, a dataset of the first pictures. The datasets share pages.
 */
export async function writeDatasets(
  storeUrl: string,
  counts: readonly number[],
  shape: PictureShape = SMALL_SHAPE,
): Promise<Digest[]> {
  const store = await openStore(storeUrl);
  const blobs = createBlobStore(store);
  const pages: Json[] = [];
  const datasets: Digest[] = [];
  for (const count of counts) {
    while (pages.length * PAGE_SIZE < count) pages.push(await writePage(blobs, pages.length, shape));
    const dataset = {
      v: 1,
      kind: 'dataset',
      pages: [...pages],
      removed: [],
      encoders: {},
      counts: {},
      rejects: [],
      links: [],
    };
    datasets.push((await putDocument(blobs, dataset)).digest);
  }
  await store.close();
  return datasets;
}

async function writePage(
  blobs: BlobStore,
  number: number,
  { side, tokens, textDim, clsDim, patchDim }: PictureShape,
): Promise<Json> {
  const ids = Array.from({ length: PAGE_SIZE }, (_, i) => (number * PAGE_SIZE + i).toString(16).padStart(16, '0'));
  const records = ids.map(id => ({ id, name: id, original: `sha256:${'0'.repeat(64)}`, split: 'train' }));
  const lines = records.map(record => `${JSON.stringify(record)}\n`).join('');
  const put = async (column: ColumnName, encode: () => Uint8Array) => {
    const members = new Map(ids.map(id => [memberName(column, id), encode()]));
    return (await blobs.put(packColumn(members), 'application/x-tar')).digest;
  };
  const f16 = (...shape: number[]) => {
    // Random exponents may make NaN, so the highest bits are cleared.
    const data = randomFillSync(new Uint16Array(shape.reduce((product, size) => product * size, 1)));
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) & 0x3bff;
    return encodeNpy({ dtype: 'f16', shape, data });
  };
  const f32 = (...shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, Math.random);
    return encodeNpy({ dtype: 'f32', shape, data });
  };
  const pixels = () => {
    const data = randomFillSync(new Uint8Array(3 * side * side));
    return encodeNpy({ dtype: 'u8', shape: [3, side, side], data });
  };
  return {
    items: (await blobs.put(Buffer.from(lines), 'application/jsonl')).digest,
    columns: {
      image: await put('image', pixels),
      text: await put('text', () => f16(tokens, textDim)),
      cls: await put('cls', () => f32(clsDim)),
      patches: await put('patches', () => f16(side / STRIDE, side / STRIDE, patchDim)),
      pose: await put('pose', () => f32(JOINTS, 3)),
    },
  };
}
