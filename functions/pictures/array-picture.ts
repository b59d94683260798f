/**
 * @file Pictures as arrays, as shards of the original project have them: an npy of RGB planes [3, height, width], of
 * uint8, or of float16 or float32 from 0 to 1.
 */
import { AppError } from '../../errors.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { decodeNpy, encodeNpy, readNpyHeader } from '../../formats/npy.ts';
import type { PlanarImage } from './planar.ts';
import { UnfitPicture } from './unfit-picture.ts';

const CHANNELS = 3;
const MOST = 255;
/** Brightness of 0 to 1 may exceed its bounds by rounding. */
const SLACK = 1 / 512;

/** The size in pixels. @throws UnfitPicture if the array is no picture. */
export function readArraySize(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const { dtype, shape } = refuseDamage(() => readNpyHeader(bytes));
  const [channels, height = 0, width = 0] = shape;
  if (channels === CHANNELS && shape.length === 3 && dtype !== 'i32' && height > 0 && width > 0) {
    return { width, height };
  }
  throw new UnfitPicture('an array that is no picture', `the array is ${dtype}[${shape.join(', ')}]`, {
    expected: 'an array u8, f16 or f32 [3, height, width]: RGB planes',
    hint: 'transpose it to planes, as numpy.transpose(array, (2, 0, 1)) does',
  });
}

/**
 * The pixels of an array. Of floats, the nearest of 256 steps.
 * @throws UnfitPicture if the array is no picture, is damaged, or has numbers outside 0 to 1.
 */
export function readArrayPicture(bytes: Uint8Array): PlanarImage {
  const size = readArraySize(bytes);
  const array = refuseDamage(() => decodeNpy(bytes));
  if (array.dtype === 'u8') return { data: array.data, ...size };
  const { data } = array;
  const pixels = new Uint8Array(data.length);
  const stepOf = array.dtype === 'f16' ? halfSteps() : undefined;
  for (let i = 0; i < pixels.length; i++) {
    const value = data[i] ?? Number.NaN;
    const step = stepOf ? (stepOf[value] ?? -1) : toStep(value);
    if (step < 0) throw outOfRange(stepOf ? fromF16Bits(value) : value);
    pixels[i] = step;
  }
  return { data: pixels, ...size };
}

/** The same picture as uint8, as Easel keeps it: half or a quarter of the bytes of floats. @throws UnfitPicture */
export function packArrayPicture(bytes: Uint8Array): Uint8Array {
  const { data, width, height } = readArrayPicture(bytes);
  return encodeNpy({ dtype: 'u8', shape: [CHANNELS, height, width], data });
}

function toStep(value: number): number {
  if (!(value >= -SLACK && value <= 1 + SLACK)) return -1;
  return Math.round(Math.min(1, Math.max(0, value)) * MOST);
}

let halves: Int16Array | undefined;

/** The step of every f16 number, by its bits. */
function halfSteps(): Int16Array {
  halves ??= Int16Array.from({ length: 2 ** 16 }, (_, bits) => toStep(fromF16Bits(bits)));
  return halves;
}

function outOfRange(value: number): UnfitPicture {
  return new UnfitPicture('an array with numbers outside 0 to 1', `the array has the number ${value}`, {
    expected: 'brightness from 0 to 1, or uint8 from 0 to 255',
    hint: 'divide it by 255, or save it as uint8',
  });
}

function refuseDamage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new UnfitPicture('a damaged array', error.message, { hint: error.hint ?? 'save it again', cause: error });
  }
}
