/** @file The progress event: one form from the job that reports it to the bar that shows it. */
import { z } from 'zod';

/** A reader adds `.strict()` to refuse unknown keys, or `.loose()` to keep keys of a newer version. */
export const progressSchema = z.object({
  /** Name of the stage. */
  phase: z.string(),
  /** Number of finished units, of `total`. */
  done: z.number().exactOptional(),
  total: z.number().exactOptional(),
  /** Name of the units, in the plural: steps, pages. */
  unit: z.string().exactOptional(),
  /** Free numbers to show: loss, samples_per_second. */
  metrics: z.record(z.string(), z.number()).exactOptional(),
  message: z.string().exactOptional(),
});

export type ProgressEvent = Readonly<z.infer<typeof progressSchema>>;
