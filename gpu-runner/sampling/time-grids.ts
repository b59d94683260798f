/** @file Time grids: the times between noise and data at which a solver steps. */
import type { Sampling, TimeGridName } from '../../configs/sampling.ts';
import type { PictureSize } from '../model/batch.ts';

export interface GridPictures {
  readonly size: PictureSize;
  /** Size of the training pictures. Undefined: the config has no `data.image_size`. */
  readonly trained?: PictureSize | undefined;
}

/** Returns `steps` + 1 times that fall from exactly 1 (noise) to exactly 0 (data). A grid may depend on the size. */
export type TimeGridRule = (sampling: Sampling, pictures: GridPictures) => readonly number[];

export const TIME_GRIDS: Readonly<Record<TimeGridName, TimeGridRule>> = {
  uniform: ({ steps }) => Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps),
  /**
   * t' = shift t / (1 + (shift - 1) t) (arXiv 2403.03206, eq. 23). By default shift is sqrt(pixels / trained pixels): a
   * picture of more pixels than the trained ones needs more noise to hide as much. At the trained size it is 1.
   */
  shifted: ({ steps, shift }, { size, trained = size }) => {
    const factor = shift ?? Math.sqrt((size.width * size.height) / (trained.width * trained.height));
    // This form of the quotient is exactly 1 at time 1.
    return Array.from({ length: steps + 1 }, (_, i) => (steps - i) / (steps - i + i / factor));
  },
};
