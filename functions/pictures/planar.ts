/** @file Converts pictures between planes (training, encoders) and interleaved pixels (files). */
import { Internal } from '../../errors.ts';
import { decodeNpy, npyBytes, startNpy } from '../../formats/npy.ts';

const WORD_BYTES = 4;

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

/**
 * The pixels of a picture as a member of the column `image`: u8 [3, height, width].
 * @param room Memory for the member, if it is large enough.
 */
export function packPixels(image: RgbImage, room?: Uint8Array): Uint8Array {
  const { bytes, start } = startNpy('u8', [3, image.height, image.width], room);
  writePlanes(image, bytes.subarray(start));
  return bytes;
}

/**
 * As {@link packPixels}, and frees the picture, which is empty then. Else a few large pictures, long used, would make
 * V8 look through all objects for garbage.
 */
export function takePixels(image: RgbImage, room?: Uint8Array): Uint8Array {
  const packed = packPixels(image, room);
  const { buffer, byteLength } = image.data;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  return packed;
}

/** {@link takePixels} into the same memory for each picture: a member is valid until the next is packed. */
export function createPacker(): (image: RgbImage) => Uint8Array {
  let room: Uint8Array = new Uint8Array();
  return image => {
    const packed = takePixels(image, room);
    room = packed.buffer === room.buffer ? room : packed;
    return packed;
  };
}

/** Bytes of {@link packPixels}. */
export function packedBytes({ width, height }: Pick<RgbImage, 'width' | 'height'>): number {
  return npyBytes('u8', [3, height, width]);
}

/** @param planes [3, height, width] */
function writePlanes({ data, width, height }: RgbImage, planes: Uint8Array): void {
  const area = width * height;
  const done = areWordsAligned(data, planes, area) ? writeWords(data, planes, area) : 0;
  const [red, green, blue] = [planes.subarray(0, area), planes.subarray(area, 2 * area), planes.subarray(2 * area)];
  for (let i = done, at = 3 * done; i < area; i++, at += 3) {
    red[i] = data[at]!;
    green[i] = data[at + 1]!;
    blue[i] = data[at + 2]!;
  }
}

/** Whether pixels and all planes begin at a word. */
function areWordsAligned(data: Uint8Array, planes: Uint8Array, area: number): boolean {
  return (data.byteOffset | planes.byteOffset | area) % WORD_BYTES === 0;
}

/**
 * Four pixels at a time, as three words of the picture and one word of each plane: a third of the time of single bytes.
 * Of a little-endian word, the first byte is the lowest.
 * @returns Number of pixels that are written: all of them.
 */
function writeWords(data: Uint8Array, planes: Uint8Array, area: number): number {
  const words = area / WORD_BYTES;
  const from = new Int32Array(data.buffer, data.byteOffset, 3 * words);
  const to = new Int32Array(planes.buffer, planes.byteOffset, 3 * words);
  for (let i = 0, at = 0; i < words; i++, at += 3) {
    // red0 green0 blue0 red1, green1 blue1 red2 green2, blue2 red3 green3 blue3
    const [a, b, c] = [from[at]!, from[at + 1]!, from[at + 2]!];
    to[i] = (a & 0xff) | ((a >>> 16) & 0xff00) | (b & 0xff0000) | ((c << 16) & 0xff000000);
    to[words + i] = ((a >>> 8) & 0xff) | ((b << 8) & 0xff00) | ((b >>> 8) & 0xff0000) | ((c << 8) & 0xff000000);
    to[2 * words + i] = ((a >>> 16) & 0xff) | (b & 0xff00) | ((c << 16) & 0xff0000) | (c & 0xff000000);
  }
  return area;
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
