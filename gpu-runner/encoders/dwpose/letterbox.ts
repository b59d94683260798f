/** @file The picture as YOLOX reads it (arXiv 2107.08430): scaled to fit, at the upper left of a grey canvas, BGR. */
import type { Picture } from '../encoder.ts';
import { samplePlane } from './sample-picture.ts';

/** Level of the canvas beside the picture. */
const CANVAS = 114;
/** The detector was trained on pictures that OpenCV had read: blue comes first. */
const BLUE_FIRST = [2, 1, 0] as const;

export interface Letterbox {
  /** f32 [3, height, width], levels from 0 to 255. */
  readonly data: Float32Array;
  /** Pixels of the canvas for one of the picture. */
  readonly ratio: number;
}

export function letterbox(picture: Picture, height: number, width: number): Letterbox {
  const ratio = Math.min(height / picture.height, width / picture.width);
  const scaled = {
    height: Math.max(1, Math.floor(picture.height * ratio)),
    width: Math.max(1, Math.floor(picture.width * ratio)),
  };
  const placesOf = (size: number, count: number) => ({ first: (0.5 * size) / count - 0.5, step: size / count, count });
  const data = new Float32Array(3 * height * width).fill(CANVAS);
  for (const [plane, channel] of BLUE_FIRST.entries()) {
    const rows = placesOf(picture.height, scaled.height);
    const columns = placesOf(picture.width, scaled.width);
    const sampled = samplePlane(picture, channel, rows, columns, 'edge');
    for (let row = 0; row < scaled.height; row++) {
      const line = sampled.subarray(row * scaled.width, (row + 1) * scaled.width);
      data.set(line, (plane * height + row) * width);
    }
  }
  return { data, ratio };
}
