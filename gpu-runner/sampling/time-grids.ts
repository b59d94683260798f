/** @file Time grids: the times between noise and data at which a solver steps. */
import { timeShiftOf } from '../../configs/noise-level.ts';
import type { ObjectiveConfig } from '../../configs/objective.ts';
import type { Sampling, TimeGridName } from '../../configs/sampling.ts';
import type { PictureSize } from '../model/batch.ts';

export interface GridPictures {
  readonly size: PictureSize;
  /** Size of the training pictures. Undefined: the config has no `data.image_size`. */
  readonly trained?: PictureSize | undefined;
  /** How the training spreads noise over times, by size of the pictures; absent: alike for all. */
  readonly objective?: Pick<ObjectiveConfig, 'time_shift' | 'shift_reference_side' | 'noise_reference_side'>;
}

/** Returns `steps` + 1 times that fall from exactly 1 (noise) to exactly 0 (data). A grid may depend on the size. */
export type TimeGridRule = (sampling: Sampling, pictures: GridPictures) => readonly number[];

export const TIME_GRIDS: Readonly<Record<TimeGridName, TimeGridRule>> = {
  /** Uniform in the time before the shift of the training: as many steps at each level of noise as it has samples. */
  uniform: ({ steps }, { size, objective = {} }) => shiftedTimes(steps, timeShiftOf(objective, size) ?? 1),
  /**
   * t' = shift t / (1 + (shift - 1) t) (arXiv 2403.03206, eq. 23). By default shift is sqrt(pixels / trained pixels): a
   * picture of more pixels than the trained ones needs more noise to hide as much. At the trained size it is 1. A
   * training that itself shifts its times, or scales its noise, by size decides instead.
   */
  shifted: ({ steps, shift }, { size, trained = size, objective = {} }) => {
    const bySize = Math.sqrt((size.width * size.height) / (trained.width * trained.height));
    const usual = objective.noise_reference_side === undefined ? bySize : 1;
    return shiftedTimes(steps, shift ?? timeShiftOf(objective, size) ?? usual);
  },
};

/** The form of the quotient is exactly 1 at time 1, and i / steps without a shift. */
function shiftedTimes(steps: number, shift: number): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => (steps - i) / (steps - i + i / shift));
}
