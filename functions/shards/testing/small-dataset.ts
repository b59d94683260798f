/** @file A dataset with every column, of a few tiny pictures whose numbers follow from their place alone. */
import { type ColumnName, memberName } from '../../../configs/signals.ts';
import { toF16Bits } from '../../../formats/half.ts';
import { encodeNpy } from '../../../formats/npy.ts';
import { packColumn } from '../../../formats/webdataset.ts';
import { putDocument } from '../../../storage/blobs/document-blobs.ts';
import { putItems } from '../../../storage/blobs/items.ts';
import type { Digest } from '../../../storage/digest.ts';
import { digestOf, hexOf } from '../../../storage/digest.ts';
import type { Dataset, Item } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';

export const STRIDE = 8;
export const TOKENS = 12;
export const TEXT_DIM = 8;
const JOINTS = 133;

export interface SmallPicture {
  readonly id: string;
  readonly name: string;
  readonly split: NonNullable<Item['split']>;
  readonly width: number;
  readonly height: number;
  readonly caption: string;
  /** Tokens of its text. */
  readonly rows: number;
}

/** Two sizes, all splits, one name with dots and a caption that JSON escapes. */
export const PICTURES: readonly SmallPicture[] = [
  picture(0, 'a/one.jpg', 'train', 16, 16, 'a "red" fox', 5),
  picture(1, 'a/two.b.c.png', 'train', 32, 16, 'ein grüner Hut\nim Schnee 🎿', TOKENS),
  picture(2, 'three.webp', 'val', 16, 16, 'three', 1),
  picture(3, 'four.jpg', 'train', 16, 16, 'four', 3),
  picture(4, 'five.jpg', 'test', 32, 16, 'five', 2),
];

function picture(
  number: number,
  name: string,
  split: SmallPicture['split'],
  width: number,
  height: number,
  caption: string,
  rows: number,
): SmallPicture {
  return { id: hexOf(digestOf(`picture ${number}`)).slice(0, 16), name, split, width, height, caption, rows };
}

/** Whole numbers of 0 to 255 that differ from picture to picture. */
export function bytesOf(id: string, length: number): Uint8Array {
  const seed = Number.parseInt(id.slice(0, 6), 16);
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 0x9e3779b1) >>> 24) & 0xff);
}

/** Multiples of 1/64 from -2 to 2, which float16 holds exactly. */
export function numbersOf(id: string, length: number): Float32Array {
  return Float32Array.from(bytesOf(id, length), byte => (byte - 128) / 64);
}

/** @param pageSize Pictures of a page. @param patches How patches are stored. @returns The digest of the dataset. */
export async function putSmallDataset(blobs: BlobStore, pageSize = 3, patches: 'f16' | 'i8' = 'f16'): Promise<Digest> {
  const pages: Dataset['pages'] = [];
  for (let at = 0; at < PICTURES.length; at += pageSize)
    pages.push(await putPage(blobs, PICTURES.slice(at, at + pageSize), patches === 'f16' ? halves : steps));
  const dataset: Dataset = {
    v: 1,
    kind: 'dataset',
    pages,
    removed: [],
    encoders: {
      text: { name: 't5-large', dim: TEXT_DIM, tokens: TOKENS },
      cls: { name: 'dinov3-vitl16', dim: 8 },
      patches: { name: 'dinov3-vitl16', dim: 4, stride: STRIDE },
    },
    counts: { pictures: PICTURES.length },
    rejects: [],
    links: [...pages.flatMap(page => [page.items, ...Object.values(page.columns)])],
  };
  return (await putDocument(blobs, dataset)).digest;
}

async function putPage(
  blobs: BlobStore,
  pictures: readonly SmallPicture[],
  encodePatches: typeof halves,
): Promise<Dataset['pages'][number]> {
  const items = pictures.map(({ id, name, split, width, height, caption }): Item => {
    const original = digestOf(`original of ${id}`);
    return { id, name, original, split, cluster: id, width, height, attributes: { caption, shot: 'near' } };
  });
  const put = async (column: ColumnName, encode: (each: SmallPicture) => Uint8Array) => {
    const members = new Map(pictures.map(each => [memberName(column, each.id), encode(each)]));
    return (await blobs.put(packColumn(members), 'application/x-tar')).digest;
  };
  return {
    items: (await putItems(blobs, items)).digest,
    columns: {
      image: await put('image', ({ id, width, height }) =>
        encodeNpy({ dtype: 'u8', shape: [3, height, width], data: bytesOf(id, 3 * width * height) }),
      ),
      caption: await put('caption', ({ caption }) => Buffer.from(caption)),
      text: await put('text', ({ id, rows }) => halves(id, [rows, TEXT_DIM])),
      cls: await put('cls', ({ id }) => encodeNpy({ dtype: 'f32', shape: [8], data: numbersOf(id, 8) })),
      patches: await put('patches', ({ id, width, height }) => encodePatches(id, [height / STRIDE, width / STRIDE, 4])),
      pose: await put('pose', ({ id }) =>
        encodeNpy({ dtype: 'f32', shape: [JOINTS, 3], data: numbersOf(id, 3 * JOINTS) }),
      ),
    },
  };
}

function halves(id: string, shape: readonly number[]): Uint8Array {
  const data = Uint16Array.from(
    numbersOf(
      id,
      shape.reduce((product, size) => product * size, 1),
    ),
    toF16Bits,
  );
  return encodeNpy({ dtype: 'f16', shape, data });
}

/** Principal components: whole numbers of steps, and the steps. */
function steps(id: string, shape: readonly number[]): Uint8Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Buffer.concat([
    encodeNpy({ dtype: 'i8', shape, data: Int8Array.from(bytesOf(id, length), byte => byte - 128) }),
    encodeNpy({ dtype: 'f32', shape: [4], data: Float32Array.of(0.5, 0.25, 0.125, 2) }),
  ]);
}
