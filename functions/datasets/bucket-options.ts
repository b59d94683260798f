/** @file The keys of `bucket`. Those of `cropShape` are keys of `prepare`, too. */
import { z } from 'zod';
import { probability } from '../../configs/signals.ts';
import { ASSIGNMENTS } from '../pictures/buckets.ts';
import { CROPS } from '../pictures/crop.ts';
import { FILTERS } from '../pictures/filters.ts';

const sideSchema = z.int().min(8).max(8192);

export const bucketShape = {
  size: sideSchema
    .default(64)
    .describe('side of the square bucket in pixels; the other buckets have about the same area'),
  quantum: z.int().min(1).max(256).default(8).describe('sides of buckets are multiples of this: the patch size'),
};

/** None has a default: a call without them has the action that it always had. */
export const cropShape = {
  buckets: z
    .array(z.strictObject({ width: sideSchema, height: sideSchema }))
    .min(1)
    .max(64)
    .optional()
    .describe('the buckets, instead of the seven default shapes'),
  assign: z
    .enum(ASSIGNMENTS)
    .optional()
    .describe('the bucket of a picture has the nearest ratio by log_ratio (the default) or by plain difference'),
  filter: z.enum(FILTERS).optional().describe('filter that scales the pictures; default: lanczos3'),
  crop: z
    .enum(CROPS)
    .optional()
    .describe(
      'where pictures are cropped; centre is the default, and when it is named, the column crop tells what each loses',
    ),
  pose_threshold: probability.optional().describe('least confidence of a joint that counts for the crop; default: 0.3'),
};
