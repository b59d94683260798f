/** @file The loss on held-out pictures: its settings in a config, and its document. */
import { z } from 'zod';

/** Pictures are measured one by one, so more would take longer than a chunk. */
const MOST_VALIDATED = 4096;

export const validationConfigSchema = z
  .strictObject({
    pictures: z
      .int()
      .min(1)
      .max(MOST_VALIDATED)
      .default(64)
      .describe('number of held-out pictures, and of trained pictures beside them'),
  })
  .describe(
    'measures the flow-matching loss at every chunk border, on held-out pictures and on as many trained ones; absent: no',
  );

const gridLossSchema = z.strictObject({
  /** The mean over pictures, times and noises. */
  loss: z.number().nullable(),
  /** At each of `times`. */
  by_time: z.array(z.number().nullable()),
  /** The root mean square of the predicted velocity, in the mean over pictures and times. */
  velocity_norm: z.number().nullable(),
  pictures: z.int().positive(),
});

/**
 * The flow-matching loss of the averaged weights on a fixed grid of noise and t. A number that was not finite is null.
 */
export const validationSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('validation'),
  checkpoint: z.string(),
  /** t of the grid; 0 is data, 1 is noise. */
  times: z.array(z.number()),
  /** Of each picture and t. Absent: one. */
  noises: z.int().min(2).optional(),
  /** On pictures of the split val; absent when there are none. */
  held_out: gridLossSchema.optional(),
  /** On as many pictures of the split train; absent when there are none. */
  train: gridLossSchema.optional(),
  links: z.array(z.string()).length(0),
});
export type Validation = z.infer<typeof validationSchema>;
