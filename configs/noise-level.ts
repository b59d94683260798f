/** @file How much noise pictures of a size get: trainer, sampler and losses read it here. */
import type { ObjectiveConfig } from './objective.ts';

interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Scale s of the noise in z = (1 - t) x0 + t s e. */
export function noiseScaleOf(
  { noise_scale: scale, noise_reference_side: reference }: NoiseScale,
  size: PictureSize,
): number {
  return reference === undefined ? scale : (scale * meanSide(size)) / reference;
}
type NoiseScale = Pick<ObjectiveConfig, 'noise_scale' | 'noise_reference_side'>;

/** Shift a of the times in t' = a t / (1 + (a - 1) t); undefined: the training does not shift its times. */
export function timeShiftOf(
  { time_shift: shift, shift_reference_side: reference }: TimeShift,
  size: PictureSize,
): number | undefined {
  return reference === undefined ? shift : ((shift ?? 1) * meanSide(size)) / reference;
}
type TimeShift = Pick<ObjectiveConfig, 'time_shift' | 'shift_reference_side'>;

/** t shifted by a: exactly 0 at 0, 1 at 1, and t for a = 1. */
export function shiftTime(t: number, a: number): number {
  return t / (t + (1 - t) / a);
}

function meanSide({ width, height }: PictureSize): number {
  return Math.sqrt(width * height);
}
