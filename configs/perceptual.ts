/** @file The options that `lpips` and `features` share: both look at the predicted picture with a frozen net. */
import { z } from 'zod';

const time = z.number().min(0).max(1);

/** Samples count whose t lies between these. t = 0 is data. */
export const timeLimits = { t_min: time.default(0), t_max: time.default(0.7) };

/** `max_side` of a loss whose config names none. */
export const DEFAULT_MAX_SIDE = 256;

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The least whole factor by which pictures shrink so that no side is longer than `maxSide`. */
export function shrinkFactor({ width, height }: PictureSize, maxSide: number): number {
  return Math.ceil(Math.max(width, height) / maxSide);
}

/** The size of pictures that shrink by {@link shrinkFactor}. */
export function shrunkSize(size: PictureSize, maxSide: number): PictureSize {
  const factor = shrinkFactor(size, maxSide);
  return { width: Math.floor(size.width / factor), height: Math.floor(size.height / factor) };
}
