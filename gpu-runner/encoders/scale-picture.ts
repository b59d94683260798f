/** @file Smaller and larger pictures for networks: a triangle filter as wide as a pixel of the result, as Pillow's. */
import type { Picture } from './encoder.ts';

/** Part of an axis in pixels of the picture. */
interface Span {
  readonly start: number;
  readonly length: number;
}

export interface PictureSides {
  readonly height: number;
  readonly width: number;
}

/** For each pixel of the result the first pixel that it sees, and the shares of that one and those after it. */
function sharesOf(size: number, { start, length }: Span, count: number): { first: number; shares: number[] }[] {
  const step = length / count;
  const reach = Math.max(1, step);
  return Array.from({ length: count }, (_, i) => {
    const centre = start + (i + 0.5) * step;
    const first = Math.max(0, Math.floor(centre - reach));
    const last = Math.min(size, Math.ceil(centre + reach));
    const raw = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((first + k + 0.5 - centre) / reach)),
    );
    const sum = raw.reduce((total, share) => total + share, 0);
    return { first, shares: raw.map(share => share / sum) };
  });
}

/** The largest middle part of the picture that has the shape of the result. */
function middleOf(
  picture: PictureSides,
  { height, width }: PictureSides,
): { readonly rows: Span; readonly columns: Span } {
  const scale = Math.min(picture.height / height, picture.width / width);
  const span = (size: number, length: number) => ({ start: (size - length) / 2, length });
  return { rows: span(picture.height, height * scale), columns: span(picture.width, width * scale) };
}

/** squash: the whole picture, whatever its shape. crop: its middle. */
export type Fit = 'squash' | 'crop';

/** f32 [3, height, width], levels from 0 to 255, in the order of the picture's channels. */
export function scalePicture(picture: Picture, size: PictureSides, fit: Fit): Float32Array {
  const whole = { rows: { start: 0, length: picture.height }, columns: { start: 0, length: picture.width } };
  const { rows, columns } = fit === 'squash' ? whole : middleOf(picture, size);
  const down = sharesOf(picture.height, rows, size.height);
  const across = sharesOf(picture.width, columns, size.width);
  const scaled = new Float32Array(3 * size.height * size.width);
  const narrow = new Float64Array(picture.height * size.width);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < picture.height; y++) {
      const row = (channel * picture.height + y) * picture.width;
      for (const [x, { first, shares }] of across.entries()) {
        let sum = 0;
        for (const [k, share] of shares.entries()) sum += share * picture.data[row + first + k]!;
        narrow[y * size.width + x] = sum;
      }
    }
    for (const [y, { first, shares }] of down.entries()) {
      for (let x = 0; x < size.width; x++) {
        let sum = 0;
        for (const [k, share] of shares.entries()) sum += share * narrow[(first + k) * size.width + x]!;
        scaled[(channel * size.height + y) * size.width + x] = sum;
      }
    }
  }
  return scaled;
}
