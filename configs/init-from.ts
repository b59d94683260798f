/** @file Weights with which a training begins, instead of random ones: those of another experiment's checkpoint. */
import { z } from 'zod';
import { MOST_SAMPLES } from './bounds.ts';
import { patternsSchema } from './name-patterns.ts';
import { CHECKPOINT_WORDS, DIGEST_PATTERN, NAME_PATTERN } from './stored-names.ts';

/**
 * A request names the experiment, and a step of it, `latest`, `best` or `clean`. The stored config names the checkpoint
 * instead, so that it means the same for ever.
 */
export const initFromSchema = z
  .strictObject({
    experiment: z.string().regex(NAME_PATTERN, 'expected the name of an experiment').optional(),
    step: z.union([z.int().nonnegative().max(MOST_SAMPLES), z.enum(CHECKPOINT_WORDS)]).optional(),
    checkpoint: z
      .string()
      .regex(DIGEST_PATTERN, 'expected the digest of a checkpoint: "sha256:" and 64 hexadecimal digits')
      .optional(),
    /** ema: the averaged weights; raw: those of its last step. */
    weights: z.enum(['ema', 'raw']).default('ema'),
    /** Parameters that are drawn all the same: names, with * for any characters. */
    fresh: patternsSchema.optional(),
  })
  .refine(({ experiment, checkpoint }) => (experiment === undefined) !== (checkpoint === undefined), {
    error: 'expected the name of an experiment or the digest of a checkpoint, and not both',
  })
  .refine(({ experiment, step }) => experiment !== undefined || step === undefined, {
    error: 'a step belongs to an experiment; a checkpoint is of one step',
    path: ['step'],
  });
