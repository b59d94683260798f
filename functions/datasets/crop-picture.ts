/** @file Scales and crops one picture, and records what that costs. */
import type { Bucket } from '../pictures/buckets.ts';
import { type Crop, centreWindow, coverSize, poseWindow } from '../pictures/crop.ts';
import type { Filter } from '../pictures/filters.ts';
import { type CropWindow, coverNotable, coverRgb, fitRgb, windowRgb } from '../pictures/image.ts';
import { NO_LIMITS } from '../pictures/limits.ts';
import type { RgbImage } from '../pictures/planar.ts';
import { type CropRecord, readJoints, recordCrop, writeJoints } from './crop-record.ts';

/** Below it, the places that pose nets name are guesses. */
const DEFAULT_THRESHOLD = 0.3;

export interface CropOptions {
  readonly crop: Crop;
  /** Side of the square into which a whole picture fits, in pixels. */
  readonly side: number;
  readonly threshold: number | undefined;
  readonly filter: Filter | undefined;
  /** The picture's member of the column `pose`. */
  readonly joints: Uint8Array | undefined;
  /** The window that the joints describe; undefined: the whole picture. */
  readonly view: CropWindow | undefined;
}

export interface CroppedPicture {
  readonly image: RgbImage;
  readonly record: CropRecord;
  /** The joints in the coordinates of the image. */
  readonly pose?: Uint8Array;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** @param size Pixels of the picture, after EXIF orientation. */
export async function cropPicture(
  bytes: Uint8Array,
  size: Size,
  bucket: Bucket,
  options: CropOptions,
): Promise<CroppedPicture> {
  const { crop, threshold = DEFAULT_THRESHOLD } = options;
  const joints = options.joints && readJoints(options.joints, options.view);
  const sure = joints?.filter(({ confidence }) => confidence >= threshold);
  const { image, window } = await PLACES[crop]({ bytes, size, bucket, sure: sure ?? [], ...options });
  return {
    image,
    record: recordCrop(crop, window, size, sure),
    ...(joints && { pose: writeJoints(joints, window) }),
  };
}

interface Placing extends CropOptions {
  readonly bytes: Uint8Array;
  readonly size: Size;
  readonly bucket: Bucket;
  /** Joints above the threshold. */
  readonly sure: ReturnType<typeof readJoints>;
}

type Place = (placing: Placing) => Promise<{ readonly image: RgbImage; readonly window: CropWindow }>;

const placeNotable =
  (strategy: 'attention' | 'entropy'): Place =>
  async ({ bytes, size, bucket, filter }) => {
    const { left, top, ...image } = await coverNotable(bytes, bucket, strategy, filter);
    return { image, window: { scaled: coverSize(bucket, size), left, top, ...pick(bucket) } };
  };

const PLACES: Readonly<Record<Crop, Place>> = {
  centre: async ({ bytes, size, bucket, filter }) => ({
    image: await coverRgb(bytes, bucket.width, bucket.height, NO_LIMITS, filter),
    window: centreWindow(bucket, size),
  }),
  pose: async ({ bytes, size, bucket, sure, filter }) => {
    const window = poseWindow(bucket, size, sure);
    return { image: await windowRgb(bytes, window, filter), window };
  },
  attention: placeNotable('attention'),
  entropy: placeNotable('entropy'),
  whole: async ({ bytes, side, filter }) => {
    const image = await fitRgb(bytes, side, NO_LIMITS, filter);
    const scaled = pick(image);
    return { image, window: { scaled, left: 0, top: 0, ...scaled } };
  },
};

function pick({ width, height }: Size): Size {
  return { width, height };
}
