/** @file Converts pictures between planes (training, encoders) and interleaved pixels (files). */
import { Internal } from '../../errors.ts';
import { decodeNpy, startNpy } from '../../formats/npy.ts';

/** data: [height, width, 3], sRGB, 0-255. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** data: uint8 [3, height, width], RGB. */
export interface PlanarImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** [height, width, 3] -> [3, height, width]. */
export function toPlanar(image: RgbImage): PlanarImage {
  const { width, height } = image;
  const data = new Uint8Array(3 * width * height);
  writePlanes(image, data);
  return { data, width, height };
}

/** The pixels of a picture as a member of the column `image`: u8 [3, height, width]. */
export function packPixels(image: RgbImage): Uint8Array {
  const { bytes, start } = startNpy('u8', [3, image.height, image.width]);
  writePlanes(image, bytes.subarray(start));
  return bytes;
}

/** @param planes [3, height, width] */
function writePlanes({ data, width, height }: RgbImage, planes: Uint8Array): void {
  const area = width * height;
  const [red, green, blue] = [planes.subarray(0, area), planes.subarray(area, 2 * area), planes.subarray(2 * area)];
  for (let i = 0, at = 0; i < area; i++, at += 3) {
    red[i] = data[at]!;
    green[i] = data[at + 1]!;
    blue[i] = data[at + 2]!;
  }
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

/**
 * Scales to cover the size of another picture, by the nearest pixel, and keeps the middle. A picture of that size stays
 * as it is.
 */
export function coverPlanar(
  picture: PlanarImage,
  { width, height }: Pick<PlanarImage, 'width' | 'height'>,
): PlanarImage {
  if (picture.width === width && picture.height === height) return picture;
  const scale = Math.min(picture.width / width, picture.height / height);
  const [left, top] = [(picture.width - scale * width) / 2, (picture.height - scale * height) / 2];
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(top + scale * (y + 0.5));
    for (let x = 0; x < width; x++) {
      const column = Math.floor(left + scale * (x + 0.5));
      for (let c = 0; c < 3; c++) {
        const from = (c * picture.height + row) * picture.width + column;
        data[(c * height + y) * width + x] = picture.data[from] ?? 0;
      }
    }
  }
  return { data, width, height };
}
