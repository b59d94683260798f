/** @file The `dct` encoder over a page of pictures: CPU work, run in the worker pool. */
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { toF16Bits } from '../../formats/half.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { DCT_CLS_DIM, DCT_PATCH_DIM, encodeDct } from './encode-dct.ts';

export interface DctPageInput {
  readonly stride: number;
  /** npy uint8 [3, h, w] of each picture, by id. */
  readonly images: ReadonlyMap<string, Uint8Array>;
}

/** Members of the two columns. */
export interface DctPageOutput {
  /** By {@link memberName}: f32 [64]. */
  readonly cls: Map<string, Uint8Array>;
  /** By {@link memberName}: f16 [rows, columns, 27]. */
  readonly patches: Map<string, Uint8Array>;
}

/** @throws Unprocessable naming the picture that is no image column's member. */
export function encodeDctPage({ stride, images }: DctPageInput): DctPageOutput {
  const cls = new Map<string, Uint8Array>();
  const patches = new Map<string, Uint8Array>();
  for (const [id, bytes] of images) {
    const { dtype, shape, data } = decodeNpy(bytes);
    const [channels, height = 0, width = 0] = shape;
    if (dtype !== 'u8' || channels !== 3 || shape.length !== 3) {
      throw new Unprocessable(`the image of ${id} is ${dtype}[${shape}]`, { expected: 'u8[3, height, width]' });
    }
    const encoded = encodeDct({ data, width, height }, stride);
    const { rows, columns } = encoded.patches;
    const halves = Uint16Array.from(encoded.patches.data, toF16Bits);
    cls.set(memberName('cls', id), encodeNpy({ dtype: 'f32', shape: [DCT_CLS_DIM], data: encoded.cls }));
    patches.set(
      memberName('patches', id),
      encodeNpy({ dtype: 'f16', shape: [rows, columns, DCT_PATCH_DIM], data: halves }),
    );
  }
  return { cls, patches };
}
