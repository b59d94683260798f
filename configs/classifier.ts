/** @file What is to be known of a classifier of pictures besides its ONNX file: its second part in the store. */
import { z } from 'zod';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().min(1).max(4096);

export const LONGEST_LABEL = 100;

export const classifierSchema = z.strictObject({
  /** One for each number of the output, in its order; none twice. */
  labels: z
    .array(z.string().min(1).max(LONGEST_LABEL))
    .min(1)
    .max(100_000)
    .refine(labels => new Set(labels).size === labels.length, { error: 'expected each label once' }),
  /** Of levels from 0 to 1, in the order of `channels`. */
  mean: triple,
  deviation: triple.refine(values => values.every(x => x > 0), { error: 'expected numbers above 0' }),
  channels: z.enum(['rgb', 'bgr']).default('rgb'),
  /** Needed where the ONNX file names sides instead of stating them. */
  size: z.strictObject({ width: side, height: side }).optional(),
  /** squash: the whole picture, whatever its shape. crop: its middle. */
  fit: z.enum(['squash', 'crop']).default('squash'),
  /** softmax: one label of several. sigmoid: each label by itself. none: the outputs are scores already. */
  scores: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
});
export type Classifier = z.output<typeof classifierSchema>;
