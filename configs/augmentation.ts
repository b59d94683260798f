/** @file How the samples of a training vary: keys of `data`. Absent keys change nothing. */
import { probability } from './signals.ts';

export const augmentationShape = {
  /**
   * Probability that a sample is mirrored: pixels, places of patches and joints, and left and right joints. A picture
   * whose caption has a word for a side, or tells of writing, is not mirrored, nor one with the attribute
   * `flip: false`.
   */
  horizontal_flip_prob: probability.optional(),
} as const;
