/** @file A report under a name: refs/reports/<name>.json. */
import { z } from 'zod';
import { digestSchema } from './records.ts';

export const reportHeadSchema = z.strictObject({
  v: z.literal(1),
  title: z.string().min(1),
  /** The document of what is compared. */
  runs: digestSchema,
  /** The page. */
  html: digestSchema,
  /** The same for programs. */
  report: digestSchema,
});
export type ReportHead = z.infer<typeof reportHeadSchema>;
