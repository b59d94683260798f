/** @file How often the pictures of a training are taken: several data sets, and sizes. Keys of `data`. */
import { z } from 'zod';

/** More than this, and the training sees little else. */
const MOST_TIMES = 1000;
const MOST_SETS = 64;

const mixedSetSchema = z
  .strictObject({
    /** Name or digest of a dataset. */
    name: z.string().min(1),
    /** How much each of its pictures counts beside those of the other sets. 0.5 takes half of them in each pass. */
    weight: z.number().positive().max(MOST_TIMES).default(1),
    /** How often each of its pictures is taken in a pass. It multiplies `weight`. */
    repeats: z.int().min(1).max(MOST_TIMES).default(1),
  })
  .refine(({ weight, repeats }) => weight * repeats <= MOST_TIMES, {
    error: `expected weight times repeats of at most ${MOST_TIMES}`,
  });
export type MixedSet = z.infer<typeof mixedSetSchema>;

export const mixtureShape = {
  /** Data sets that are trained on together, in place of the one that the call names. */
  datasets: z
    .array(mixedSetSchema)
    .min(1)
    .max(MOST_SETS)
    .refine(sets => new Set(sets.map(({ name }) => name)).size === sets.length, { error: 'expected each set once' })
    .optional(),
  /**
   * proportional: each picture is taken equally often. uniform: each size is, so that pictures of rare sizes come more
   * often. A pass has as many pictures in both.
   */
  bucket_sampling: z.enum(['proportional', 'uniform']).optional(),
} as const;
