/** @file The record that `bucket` writes about the crop of a picture, and joints in the coordinates of the whole. */
import { z } from 'zod';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { CROPS, cutOf, isInside, type Point } from '../pictures/crop.ts';
import type { CropWindow } from '../pictures/image.ts';

const side = z.int().positive();

const cropRecordSchema = z.strictObject({
  v: z.literal(1),
  crop: z.enum(CROPS),
  /** Pixels of the whole picture as it was scaled. */
  scaled: z.strictObject({ width: side, height: side }),
  /** The window of it that was kept, in pixels. */
  left: z.int().nonnegative(),
  top: z.int().nonnegative(),
  width: side,
  height: side,
  /** Factor of the scaling; above 1 the picture is enlarged. */
  scale: z.number().positive(),
  /** Share of the area that lies outside the window. */
  cut: z.number().min(0).max(1),
  /** Of the joints that were found in the whole picture, those outside the window. Absent: nobody looked for any. */
  joints: z.strictObject({ seen: z.int().nonnegative(), lost: z.int().nonnegative() }).exactOptional(),
});
export type CropRecord = z.infer<typeof cropRecordSchema>;

/** @throws ZodError if the member is not such a record. */
export function parseCropRecord(bytes: Uint8Array): CropRecord {
  return cropRecordSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}

/** A joint of the whole picture. */
export interface Joint extends Point {
  readonly confidence: number;
}

const NUMBERS = 3;
/** Digits behind the point of a stored share: far finer than a pixel. */
const DIGITS = 6;

/** @param joints Those that are sure enough; undefined: nobody looked for any. */
export function recordCrop(
  crop: CropRecord['crop'],
  window: CropWindow,
  original: { readonly width: number; readonly height: number },
  joints: readonly Point[] | undefined,
): CropRecord {
  const { scaled, left, top, width, height } = window;
  const round = (value: number) => Number(value.toFixed(DIGITS));
  const scale = Math.max(scaled.width / original.width, scaled.height / original.height);
  const lost = joints?.filter(joint => !isInside(window, joint)).length ?? 0;
  return {
    v: 1,
    crop,
    scaled: { width: scaled.width, height: scaled.height },
    left,
    top,
    width,
    height,
    scale: round(scale),
    cut: round(cutOf(window)),
    ...(joints && { joints: { seen: joints.length, lost } }),
  };
}

/**
 * The joints of a member of the column `pose`, which go from -1 to 1 across the picture that it describes, as shares of
 * the whole picture.
 * @param view The window that the described picture is of; undefined: the whole.
 */
export function readJoints(npy: Uint8Array, view: CropWindow | undefined): Joint[] {
  const { data } = decodeNpy(npy);
  const numbers = Array.from(data, Number);
  const part = (n: number, start = 0, length = 1, total = 1) => (start + ((n + 1) / 2) * length) / total;
  return Array.from({ length: Math.floor(numbers.length / NUMBERS) }, (_, i) => {
    const [x = 0, y = 0, confidence = 0] = numbers.slice(NUMBERS * i, NUMBERS * (i + 1));
    return {
      x: part(x, view?.left, view?.width, view?.scaled.width),
      y: part(y, view?.top, view?.height, view?.scaled.height),
      confidence,
    };
  });
}

/** The joints as a member of the column `pose` about a window; those outside it are absent (zeros). */
export function writeJoints(joints: readonly Joint[], window: CropWindow): Uint8Array {
  const { scaled, left, top, width, height } = window;
  const data = joints.flatMap(joint => {
    if (joint.confidence <= 0 || !isInside(window, joint)) return [0, 0, 0];
    const across = (2 * (joint.x * scaled.width - left)) / width - 1;
    const down = (2 * (joint.y * scaled.height - top)) / height - 1;
    return [across, down, joint.confidence];
  });
  return encodeNpy({ dtype: 'f32', shape: [joints.length, NUMBERS], data: Float32Array.from(data) });
}
