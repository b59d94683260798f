/** @file How much nearer pictures come to trained pictures than to held-out ones: output of `compare-splits`. */
import { z } from 'zod';
import { MEASURE_NAMES } from './picture-scores.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

const intervalSchema = z.strictObject({ mean: z.number(), low: z.number(), high: z.number() });
const sideSchema = intervalSchema.extend({ n: z.int().positive() });

/** By measure. */
export const gapMeasuresSchema = z.partialRecord(
  z.enum(MEASURE_NAMES),
  z.strictObject({
    train: sideSchema,
    held_out: sideSchema,
    /** The mean of the held-out pictures minus that of the trained ones. */
    difference: intervalSchema,
  }),
);
export type GapMeasures = z.infer<typeof gapMeasuresSchema>;

export const splitGapSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('split-gap'),
  measures: gapMeasuresSchema,
  links: z.array(z.string().regex(DIGEST_PATTERN)).length(0),
});
export type SplitGap = z.infer<typeof splitGapSchema>;
