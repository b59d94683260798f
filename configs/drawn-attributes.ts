/** @file What drawn pictures of a bundled set show, read from their pixels. */
import { z } from 'zod';
import { DIGEST_PATTERN } from './stored-names.ts';

const countSchema = z.strictObject({ right: z.int().nonnegative(), of: z.int().positive() });

/** Output `attributes` of `probe-drawn`. */
export const drawnAttributesSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('drawn-attributes'),
  /** Pictures of which attributes could be read. */
  measured: z.int().nonnegative(),
  /** By attribute: pictures that show their own, without the one that an edit changed. */
  own: z.record(z.string(), countSchema),
  /** Pictures that show the new value of the edited attribute. */
  edited: countSchema.optional(),
  /** By attribute: pictures that show that of the picture whose look they got, where it is not their own. */
  other: z.record(z.string(), countSchema).optional(),
  links: z.array(z.string().regex(DIGEST_PATTERN)).length(0),
});
export type DrawnAttributes = z.infer<typeof drawnAttributesSchema>;
