/** @file refs/approvals/<dataset>.json: what a person has decided about single pictures of a dataset. */
import { z } from 'zod';

export const DECISIONS = ['keep', 'drop'] as const;

const approvalSchema = z.strictObject({
  decision: z.enum(DECISIONS),
  /** Of the picture, when it was decided. */
  name: z.string(),
  /** For people. */
  note: z.string().exactOptional(),
});
export type Approval = z.infer<typeof approvalSchema>;

export const approvalsSchema = z.strictObject({
  v: z.literal(1),
  /** By id, which is made of a picture's bytes: a decision holds however often the picture is imported. */
  pictures: z.record(z.string().regex(/^[0-9a-f]{16}$/), approvalSchema),
});
export type Approvals = z.infer<typeof approvalsSchema>;
