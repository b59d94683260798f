/** @file What `draw` tells of the pictures that it draws. */
import { z } from 'zod';
import { weightsSchema } from '../../configs/averages.ts';
import { CONDITION_NAMES } from '../../configs/drawn-conditions.ts';
import { samplingSchema } from '../../configs/sampling.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestSchema, splitSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

const editSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  /** The attribute that the edit changes, of pictures that can be measured. */
  attribute: z.strictObject({ name: z.string(), value: z.string() }).optional(),
});

/** `initial`: those of the network before its first step, which show what the training has brought about. */
export const drawnWeightsSchema = z.union([weightsSchema, z.literal('initial')]);

export const drawnItemSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** As it was given to the network: edited if there is an `edit`. */
  caption: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  /** It starts from the noise of (seed, noise): its place among all pictures of the split that ever were. */
  noise: z.int().nonnegative(),
  /** Of the picture whose look or pose was given instead of its own. */
  other: z.string().optional(),
  edit: editSchema.optional(),
});
export type DrawnItem = z.output<typeof drawnItemSchema>;

/** Output `index` of `draw`. */
export const drawnIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('drawn'),
  /** Absent: `config` is there. */
  checkpoint: digestSchema.optional(),
  /** Of the weights `initial`: the keyed config of the training. */
  config: digestSchema.optional(),
  dataset: digestSchema,
  split: splitSchema,
  condition: z.enum(CONDITION_NAMES),
  ...samplingSchema.shape,
  weights: drawnWeightsSchema,
  /** Column of `{id}.image.npy`, u8 [3, height, width]. */
  pictures: digestSchema,
  items: z.array(drawnItemSchema),
  /** Pictures of the range that the condition says nothing about, and why. */
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  links: z.array(digestSchema),
});
export type DrawnIndex = z.output<typeof drawnIndexSchema>;

export function readDrawnIndex(blobs: BlobStore, digest: Digest): Promise<DrawnIndex> {
  return readDocument(blobs, digest, drawnIndexSchema, 'an index of drawn pictures');
}
