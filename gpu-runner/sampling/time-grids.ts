/** @file Time grids: the times between noise and data at which a solver steps. */
import type { Sampling, TimeGridName } from '../../configs/sampling.ts';

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface GridPictures {
  readonly size: PictureSize;
  /** Size of the training pictures. Undefined: the config has no `data.image_size`. */
  readonly trained?: PictureSize | undefined;
}

/** Returns `steps` + 1 times that fall from exactly 1 (noise) to exactly 0 (data). A grid may depend on the size. */
export type TimeGridRule = (sampling: Sampling, pictures: GridPictures) => readonly number[];

export const TIME_GRIDS: Readonly<Record<TimeGridName, TimeGridRule>> = {
  uniform: ({ steps }) => Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps),
};
