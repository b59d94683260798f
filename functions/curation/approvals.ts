/** @file What a person has decided about single pictures. */
import { z } from 'zod';
import { digestSchema } from '../../storage/records.ts';

const idSchema = z.string().regex(/^[0-9a-f]{16}$/);

/**
 * The decisions on pictures of one dataset, as `select` reads them: ids of pictures that stay whatever a rule says, and
 * of those that are left out. Sorted, without names, so that equal decisions are one blob.
 */
export const decisionsSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('decisions'),
  keep: z.array(idSchema),
  drop: z.array(idSchema),
  links: z.array(digestSchema),
});
export type Decisions = z.infer<typeof decisionsSchema>;

export const NO_DECISIONS: Decisions = { v: 1, kind: 'decisions', keep: [], drop: [], links: [] };

/** Pictures to leave out of a dataset, in its order, as `ingest` reads them. */
export const selectionSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('selection'),
  drop: z.array(z.strictObject({ id: idSchema, reason: z.string(), group: z.string() })),
  links: z.array(digestSchema),
});
export type Selection = z.infer<typeof selectionSchema>;
