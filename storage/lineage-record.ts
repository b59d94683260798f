/**
 * @file Small records of how blobs were made. They stay when the blobs and the results of their actions are deleted,
 * so that a picture can be walked back to its originals as long as its experiment exists.
 */
import { z } from 'zod';
import { actionSchema, digestSchema } from './records.ts';

export const madeSchema = z.strictObject({
  action: actionSchema,
  outputs: z.record(z.string(), digestSchema),
  /** Time that the action took when it was computed first; absent: not known. */
  seconds: z.number().nonnegative().exactOptional(),
});
/** An action, and the digests of what it made. */
export type Made = z.infer<typeof madeSchema>;

/**
 * How one blob was made: its action, and those of its inputs as far as they are known, inputs first. `links` are the
 * configs that the actions read. Other blobs are not kept by it.
 */
export const lineageSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('lineage'),
  made: z.array(madeSchema),
  /** Datasets of originals with which it begins, as they are stored. They hold digests, and no name of a picture. */
  documents: z.array(z.string()).exactOptional(),
  links: z.array(digestSchema),
});
export type Lineage = z.infer<typeof lineageSchema>;

/** The lineages of all chunks up to a checkpoint, first chunk first: one digest in the head of a branch. */
export const lineagesSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('lineages'),
  links: z.array(digestSchema),
});

/** What a head names. */
export const recordSchema = z.discriminatedUnion('kind', [lineageSchema, lineagesSchema]);
