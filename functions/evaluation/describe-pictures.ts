/** @file Task of the worker pool: features of pictures by an extractor that needs no engine. */
import { memberName } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import type { EncodedSignals } from '../encoders/encoder.ts';
import { findExtractor, optionsFor } from '../experiments/sets/extractors.ts';
import type { PlanarImage } from '../pictures/planar.ts';
import { coverCells, shrinkPlane } from '../pictures/shrink-plane.ts';

export interface DescribePicturesTask {
  readonly extractor: string;
  /** A column of pictures: members `{id}.image.npy`. */
  readonly column: Uint8Array;
}

export interface DescribedPictures {
  readonly ids: readonly string[];
  readonly dim: number;
  /** [ids, dim]. */
  readonly data: Float32Array;
}

/** Pixels of a thumbnail's side. */
export const THUMBNAIL_SIDE = 16;

export function describePictures({ extractor: name, column }: DescribePicturesTask): DescribedPictures {
  const extractor = findExtractor(name);
  const pictures = readPictures(column);
  const rows = pictures.map(({ picture }) => {
    const { encoder } = extractor;
    if (encoder === undefined) return shrinkPicture(picture, THUMBNAIL_SIDE);
    if (encoder.runs !== 'server') throw new Internal(`the extractor ${name} runs in the gpu-runner`);
    const made: EncodedSignals = encoder.encode(picture, optionsFor(extractor, [picture]));
    if (made.cls === undefined) throw new Internal(`the encoder ${name} made no cls`);
    return made.cls.data;
  });
  return stackRows(
    pictures.map(({ id }) => id),
    rows,
  );
}

/** One row for each id, of equal lengths. */
export function stackRows(ids: readonly string[], rows: readonly Float32Array[]): DescribedPictures {
  const dim = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * dim);
  for (const [i, row] of rows.entries()) data.set(row, i * dim);
  return { ids, dim, data };
}

/** The pictures of a column, in its order. @throws Unprocessable for a column of something else, or an empty one. */
export function readPictures(column: Uint8Array): { readonly id: string; readonly picture: PlanarImage }[] {
  const suffix = memberName('image', '');
  const pictures = [...readColumn(column)].map(([name, member]) => {
    const id = name.slice(0, -suffix.length);
    const array = name.endsWith(suffix) ? decodeNpy(member) : undefined;
    const [channels, height = 0, width = 0] = array?.shape ?? [];
    if (array?.dtype === 'u8' && channels === 3) return { id, picture: { data: array.data, width, height } };
    throw new Unprocessable(`"${name}" is no picture`, {
      expected: `a column of pictures: members *${suffix}, u8 [3, height, width]`,
    });
  });
  if (pictures.length > 0) return pictures;
  throw new Unprocessable('the column has no pictures', { expected: 'a column of at least one picture' });
}

/** [3, side, side] means of the pixels in [0, 1], each over its part of the picture. */
export function shrinkPicture({ data, width, height }: PlanarImage, side: number): Float32Array {
  const [across, down] = [coverCells(width, side), coverCells(height, side)];
  const area = width * height;
  const small = new Float32Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) {
    const plane = shrinkPlane(data.subarray(channel * area, (channel + 1) * area), width, across, down);
    for (let k = 0; k < plane.length; k++) small[channel * side * side + k] = (plane[k] ?? 0) / 255;
  }
  return small;
}
