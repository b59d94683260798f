/** @file The document in which `diff` says how two datasets differ. */
import { z } from 'zod';
import { digestSchema } from '../../storage/records.ts';

/**
 * added, removed: only one dataset has the picture. replaced: a picture of this name has other bytes. renamed, caption,
 * split: the picture is the same. pixels: it was scaled or cropped in another way, or its mask is another.
 */
export const CHANGES = ['added', 'removed', 'replaced', 'renamed', 'caption', 'split', 'pixels'] as const;
export type ChangeKind = (typeof CHANGES)[number];

export const changeSchema = z.strictObject({
  change: z.enum(CHANGES),
  /** In the dataset that has the picture; of both, in the newer one. */
  id: z.string(),
  name: z.string(),
  before: z.string().exactOptional(),
  now: z.string().exactOptional(),
});
export type Change = z.infer<typeof changeSchema>;

export const diffSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('dataset-diff'),
  counts: z.record(z.enum(CHANGES), z.int().nonnegative()),
  /** Pictures of both datasets that do not differ. */
  same: z.int().nonnegative(),
  /** By kind, then in the order of the datasets. */
  changes: z.array(changeSchema),
  links: z.array(digestSchema),
});
export type DatasetDiff = z.infer<typeof diffSchema>;
