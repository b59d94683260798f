/** @file The answer of `preflight`: what a training needs, before anything starts. The command line reads it, too. */
import { z } from 'zod';
import { memoryPlanSchema } from './memory-plan.ts';
import { translationSchema } from './seed-block/translate-block.ts';

const amount = z.number().nonnegative();

export const preflightSchema = z.object({
  v: z.literal(1),
  /** fits, too large, or unknown where the memory could not be found: see `problems`. */
  verdict: z.enum(['fits', 'too large', 'unknown']),
  /** What stands in the way, one sentence each. */
  problems: z.array(z.string()),
  /** Changes of the config or the engine that help, one sentence each. */
  offers: z.array(z.string()),
  device: z.object({
    engine: z.string(),
    precision: z.string(),
    /** The card, or the device of this machine. */
    name: z.string().exactOptional(),
    memory_bytes: amount.exactOptional(),
  }),
  /** Absent: it could not be made. */
  memory: memoryPlanSchema.exactOptional(),
  work: z.object({
    samples: amount,
    updates: amount,
    batch_size: amount,
    image_tokens: amount,
    flops_per_sample: amount,
    flops_per_update: amount,
    /** Read and written by the operations that are no matrix products. */
    moved_bytes_per_update: amount.exactOptional(),
    total_flops: amount,
    /** Of a training with `data.resolution_schedule`: its phases in order, at the size of its largest pictures. */
    phases: z
      .array(
        z.object({
          scale: amount,
          width: amount,
          height: amount,
          updates: amount,
          image_tokens: amount,
          flops_per_update: amount,
        }),
      )
      .exactOptional(),
  }),
  time: z.object({
    /** measured: on an experiment. stated: `utilization` of the card's peak. unknown: neither. */
    basis: z.enum(['measured', 'stated', 'unknown']),
    /** The experiment that the speed was measured on, or where the peak is from. */
    source: z.string().exactOptional(),
    utilization: amount.exactOptional(),
    samples_per_second: amount.exactOptional(),
    seconds_per_update: amount.exactOptional(),
    hours: amount.exactOptional(),
    /** At the full peak of the card. */
    least_hours: amount.exactOptional(),
    /** What the plan of the seed takes, when the config is that plan. */
    beside: z.string().exactOptional(),
  }),
  data: z.object({
    pictures: amount.exactOptional(),
    /** How often each picture is seen. */
    passes: amount.exactOptional(),
    bytes_per_picture: amount,
  }),
  disk: z.object({
    dataset_bytes: amount.exactOptional(),
    checkpoint_bytes: amount.exactOptional(),
    /** Checkpoints that are kept at a time, while one is written. */
    checkpoints: amount,
    total_bytes: amount.exactOptional(),
  }),
  /** What became of a config of the original project. */
  translated: translationSchema.exactOptional(),
});
export type Preflight = z.infer<typeof preflightSchema>;
