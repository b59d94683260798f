/** @file What is to be known of a classifier of pictures besides its ONNX file: its second part in the store. */
import { z } from 'zod';
import { pictureInputShape } from './picture-net.ts';

export const LONGEST_LABEL = 100;

export const classifierSchema = z.strictObject({
  /** One for each number of the output, in its order; none twice. */
  labels: z
    .array(z.string().min(1).max(LONGEST_LABEL))
    .min(1)
    .max(100_000)
    .refine(labels => new Set(labels).size === labels.length, { error: 'expected each label once' }),
  ...pictureInputShape,
  /** softmax: one label of several. sigmoid: each label by itself. none: the outputs are scores already. */
  scores: z.enum(['softmax', 'sigmoid', 'none']).default('softmax'),
});
export type Classifier = z.output<typeof classifierSchema>;
