/** @file Whether a drawn figure has its joints where they should be: they are read from its pixels. */
import { MEASURED_JOINTS, measureFigure } from '../../data/figures/measure.ts';
import { comparePose } from '../../data/figures/pose-score.ts';
import type { RgbPixels } from '../../data/pixels.ts';

export interface JointScore {
  /** Joints that are asked for. */
  readonly joints: number;
  /** Within 0.1 and 0.05 of the diagonal of the box of the wanted joints. */
  readonly right_10: number;
  readonly right_05: number;
  /** Joints that the picture shows at all; one that is not found is not right. */
  readonly found: number;
}

/** @param pose [133, (x, y, confidence)] in [-1, 1]. @throws Unprocessable if the picture is no square of 32 pixels */
export function scoreJoints(pixels: RgbPixels, pose: Float32Array): JointScore {
  const { errors } = comparePose(measureFigure(pixels), pose);
  return {
    joints: MEASURED_JOINTS.length,
    right_10: errors.filter(error => error <= 0.1).length,
    right_05: errors.filter(error => error <= 0.05).length,
    found: errors.filter(Number.isFinite).length,
  };
}
