/**
 * @file What is to be known of a network of pictures in an ONNX file besides the file: its second part in the store. A
 * classifier says what its outputs mean (configs/classifier.ts), an extractor of features when pictures are copies.
 */
import { z } from 'zod';

const triple = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().min(1).max(4096);
/** Operations of one picture: 20 seconds of a CPU that does 100 billion in a second. SSCD needs 17 billion. */
const MOST_OPERATIONS = 2e12;

/** How the network sees a picture. */
export const pictureInputShape = {
  /** Of levels from 0 to 1, in the order of `channels`. */
  mean: triple,
  deviation: triple.refine(values => values.every(x => x > 0), { error: 'expected numbers above 0' }),
  channels: z.enum(['rgb', 'bgr']).default('rgb'),
  /** Needed where the ONNX file names sides instead of stating them. */
  size: z.strictObject({ width: side, height: side }).optional(),
  /** squash: the whole picture, whatever its shape. crop: its middle. */
  fit: z.enum(['squash', 'crop']).default('squash'),
  /** Of one picture, two per multiply-add: a network that needs more is refused before it runs. */
  most_operations: z.number().positive().default(MOST_OPERATIONS),
};
const pictureInputSchema = z.strictObject(pictureInputShape);
export type PictureInput = z.output<typeof pictureInputSchema>;

/** An ONNX file, and JSON that describes it. */
export const PICTURE_NET_PARTS = ['model', 'config'] as const;

export const featureNetSchema = z.strictObject({
  ...pictureInputShape,
  /** Cosine above which one picture is a copy of another: 0.5 of SSCD. Absent: the network finds no copies. */
  copies_above: z.number().min(-1).max(1).optional(),
  /** Of a classifier, whose outputs are features, too. They say nothing of features. */
  labels: z.array(z.string()).optional(),
  scores: z.string().optional(),
});
export type FeatureNet = z.output<typeof featureNetSchema>;
