/** @file What every call that judges a checkpoint takes. */
import { z } from 'zod';
import { EXTRACTOR_NAMES, extractorSchema } from '../experiments/sets/extractors.ts';

export const judgedShape = {
  checkpoint: z
    .string()
    .max(200)
    .describe('NAME, NAME@STEP, NAME@latest, NAME@best, NAME@clean, or a digest that one keeps'),
  extractor: extractorSchema
    .optional()
    .describe(
      `one of ${EXTRACTOR_NAMES.join(', ')}, or a stored network of pictures (docs/evaluation.md); ` +
        'default: the first installed one that training did not see',
    ),
  steps: z.int().min(1).max(1000).optional().describe('steps of the sampler; default: those of the previews'),
  guidance: z.number().min(0).max(50).optional().describe('guidance; default: that of the previews'),
};
