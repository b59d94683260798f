/** @file The picture of one person as RTMPose reads it (arXiv 2303.07399): upright, of one size, normalized RGB. */

import type { Picture } from '../encoder.ts';
import type { Box } from './detections.ts';
import { samplePlane } from './sample-picture.ts';

/** Means and deviations of the levels of ImageNet, in the order of RGB. */
const MEAN = [123.675, 116.28, 103.53] as const;
const DEVIATION = [58.395, 57.12, 57.375] as const;
/** Sides of the crop for those of the box: joints at its edge stay in sight. */
const MARGIN = 1.25;

/** Pixels of the picture that become the crop: its centre and its sides. */
export interface CropFrame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CropSize {
  readonly height: number;
  readonly width: number;
}

/** The box with a margin, with its shorter side enlarged to the shape of the crop. */
export function frameOf({ left, top, right, bottom }: Box, size: CropSize): CropFrame {
  const aspect = size.width / size.height;
  const [width, height] = [(right - left) * MARGIN, (bottom - top) * MARGIN];
  const isWide = width > height * aspect;
  return {
    x: (left + right) / 2,
    y: (top + bottom) / 2,
    width: isWide ? width : height * aspect,
    height: isWide ? width / aspect : height,
  };
}

/** f32 [3, height, width]. What lies beyond the picture is black. */
export function cropPerson(picture: Picture, frame: CropFrame, { height, width }: CropSize): Float32Array {
  const rows = { first: frame.y - frame.height / 2, step: frame.height / height, count: height };
  const columns = { first: frame.x - frame.width / 2, step: frame.width / width, count: width };
  const data = new Float32Array(3 * height * width);
  for (const channel of [0, 1, 2] as const) {
    const sampled = samplePlane(picture, channel, rows, columns, 'black');
    const at = channel * height * width;
    for (const [i, level] of sampled.entries()) data[at + i] = (level - MEAN[channel]) / DEVIATION[channel];
  }
  return data;
}
