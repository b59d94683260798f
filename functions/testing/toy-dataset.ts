/** @file A dataset of random pictures with signals of the built-in encoders. */
import { createHash } from 'node:crypto';
import { encodeNpy, type NpyInput } from '../../formats/npy.ts';
import { packColumn } from '../../formats/webdataset.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { encodeDct } from '../encoders/encode-dct.ts';
import { encodeWords } from '../encoders/words.ts';
import type { PictureSize } from '../experiments/training-size.ts';

export interface ToyDataset {
  /** Pictures; at most 64. */
  readonly count?: number;
  /** Pixels, a multiple of 8. */
  readonly side?: number;
  /** The sizes of the pictures, each a multiple of 8, instead of `count` squares of `side`. */
  readonly sizes?: readonly PictureSize[];
  /** Pixels of a feature of `patches`. */
  readonly stride?: number;
  /** Number of the last pictures that are of the split val. */
  readonly heldOut?: number;
}

/** One page of random pictures with text from `words` and the signals of `dct`. */
export async function putToyDataset(
  blobs: BlobStore,
  {
    count = 2,
    side = 16,
    stride = 8,
    heldOut = 0,
    sizes = Array(count).fill({ width: side, height: side }),
  }: ToyDataset = {},
): Promise<Digest> {
  const items = sizes.map(({ width, height }, i) => {
    const id = i.toString(16).padStart(16, '0');
    const data = noise(id, 3 * width * height);
    return {
      ...{ id, data, width, height },
      features: encodeDct({ data, width, height }, stride),
      text: encodeWords(`hat ${i}`),
    };
  });
  const pack = async (suffix: string, encode: (item: (typeof items)[number]) => NpyInput) => {
    const members = new Map(items.map(item => [`${item.id}.${suffix}`, encodeNpy(encode(item))]));
    return (await blobs.put(packColumn(members), 'application/x-tar')).digest;
  };
  const splitOf = (i: number) => (i >= items.length - heldOut ? 'val' : 'train');
  const lines = items.map(
    ({ id }, i) => `${JSON.stringify({ id, name: id, original: digestOf(id), split: splitOf(i) })}\n`,
  );
  const page = (await blobs.put(Buffer.from(lines.join('')), 'application/jsonl')).digest;
  const columns = {
    image: await pack('image.npy', ({ data, width, height }) => ({ dtype: 'u8', shape: [3, height, width], data })),
    text: await pack('t5h.npy', ({ text }) => ({ dtype: 'f32', shape: [text.tokens, text.dim], data: text.data })),
    cls: await pack('dinov3.npy', ({ features: { cls } }) => ({ dtype: 'f32', shape: [cls.length], data: cls })),
    patches: await pack('dinov3_patches.npy', ({ features: { patches } }) => ({
      dtype: 'f32',
      shape: [patches.rows, patches.columns, 27],
      data: patches.data,
    })),
  };
  const document: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: [{ items: page, columns }],
    removed: [],
    encoders: {
      text: { name: 'words', dim: 192, tokens: 64 },
      cls: { name: 'dct', dim: 64 },
      patches: { name: 'dct', dim: 27, stride },
    },
    counts: {},
    rejects: [],
    links: [page, ...Object.values(columns)],
  };
  return (await putDocument(blobs, document)).digest;
}

function noise(seed: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  );
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}
