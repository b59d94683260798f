/** @file How the samples of a training vary: keys of `data`. Absent keys change nothing. */
import { z } from 'zod';
import { LONGEST_SIDE } from './bounds.ts';
import { probability } from './signals.ts';

/** More noise than this, and little is left of a signal. */
const MOST_NOISE = 10;
const noise = z.number().min(0).max(MOST_NOISE).optional();

export const augmentationShape = {
  /**
   * Probability that a sample is mirrored: pixels, places of patches and joints, and left and right joints. A picture
   * whose caption has a word for a side, or tells of writing, is not mirrored, nor one with the attribute
   * `flip: false`.
   */
  horizontal_flip_prob: probability.optional(),
  /**
   * Largest shift of the crop from the centre of the stored picture, in pixels. The crop, which is trained, is twice as
   * much smaller on each side.
   */
  crop_jitter: z.int().min(0).max(LONGEST_SIDE).optional(),
  /**
   * Standard deviation of the Gaussian noise on a signal that a sample keeps, as a share of the root mean square of its
   * numbers. It is against memorisation.
   */
  condition_noise: z.strictObject({ text: noise, cls: noise, patches: noise }).optional(),
  /** all: a sample takes one of the captions of its picture, all equally likely. first: the first one. */
  caption_variants: z.enum(['first', 'all']).optional(),
} as const;

export type ConditionNoise = z.infer<NonNullable<typeof augmentationShape.condition_noise>>;
