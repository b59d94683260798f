/** @file Converts pictures between planes (training, encoders) and interleaved pixels (files). */
import { Internal } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import type { RgbImage } from './image.ts';

/** data: uint8 [3, height, width], RGB. */
export interface PlanarImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** [height, width, 3] -> [3, height, width]. */
export function toPlanar({ data, width, height }: RgbImage): PlanarImage {
  const area = width * height;
  const planes = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) planes[c * area + i] = data[3 * i + c] ?? 0;
  }
  return { data: planes, width, height };
}

/** [3, height, width] -> [height, width, 3]. */
export function toInterleaved({ data, width, height }: PlanarImage): RgbImage {
  const area = width * height;
  const rgb = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[c * area + i] ?? 0;
  }
  return { data: rgb, width, height };
}

/** The pixels of a member of the column `image`: u8 [3, height, width]. @throws Internal for another array. */
export function readPixels(npy: Uint8Array): RgbImage {
  const { dtype, shape, data } = decodeNpy(npy);
  const [channels, height = 0, width = 0] = shape;
  if (dtype !== 'u8' || channels !== 3) throw new Internal(`a picture of ${dtype} [${shape.join(', ')}]`);
  return toInterleaved({ data, width, height });
}
