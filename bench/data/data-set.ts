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

/** Side of a picture in pixels. */
export const SIDE = 256;
const STRIDE = 16;
const CELLS = SIDE / STRIDE;
const TOKENS = 24;

export const CONDITIONS = {
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64 },
  patches: { encoder: 'dct', dim: 27, stride: STRIDE },
  pose: { joints: 133, threshold: 0.05 },
} as const;

/**
 * Writes `counts.at(-1)` pictures.
 * @returns For each count, a dataset of the first pictures. The datasets share pages.
 */
export async function writeDatasets(storeUrl: string, counts: readonly number[]): Promise<Digest[]> {
  const store = await openStore(storeUrl);
  const blobs = createBlobStore(store);
  const pages: Json[] = [];
  const datasets: Digest[] = [];
  for (const count of counts) {
    while (pages.length * PAGE_SIZE < count) pages.push(await writePage(blobs, pages.length));
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

async function writePage(blobs: BlobStore, number: number): Promise<Json> {
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
    const data = randomFillSync(new Uint8Array(3 * SIDE * SIDE));
    return encodeNpy({ dtype: 'u8', shape: [3, SIDE, SIDE], data });
  };
  return {
    items: (await blobs.put(Buffer.from(lines), 'application/jsonl')).digest,
    columns: {
      image: await put('image', pixels),
      text: await put('text', () => f16(TOKENS, CONDITIONS.text.dim)),
      cls: await put('cls', () => f32(CONDITIONS.cls.dim)),
      patches: await put('patches', () => f16(CELLS, CELLS, CONDITIONS.patches.dim)),
      pose: await put('pose', () => f32(CONDITIONS.pose.joints, 3)),
    },
  };
}
