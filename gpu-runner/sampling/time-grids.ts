/** @file Where the steps of a solver lie between noise and data. */
import type { Sampling, TimeGridName } from '../../configs/sampling.ts';

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface GridPictures {
  readonly size: PictureSize;
  /** Undefined: the config of the model has no `data.image_size`. */
  readonly trained?: PictureSize | undefined;
}

/** `steps` + 1 times that fall from exactly 1 (noise) to exactly 0 (data). Larger pictures may get another grid than the trained size. */
export type TimeGridRule = (sampling: Sampling, pictures: GridPictures) => readonly number[];

export const TIME_GRIDS: Readonly<Record<TimeGridName, TimeGridRule>> = {
  uniform: ({ steps }) => Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps),
};
