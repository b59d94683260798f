/** @file A memory plan as it is stored: what a training and its pictures take on a device, and how updates are cut. */

import { z } from 'zod';
import { checkpointingSchema } from './gradient-checkpointing.ts';

const bytes = z.int().nonnegative();

const cutShape = { micro_batch: z.int().min(1), gradient_checkpointing: checkpointingSchema };

export const memoryPlanSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('memory-plan'),
  /** compiled: the engine's compiler said it. predicted: computed from the way the engine plans memory. */
  basis: z.enum(['compiled', 'predicted']),
  /** Name and version of the compiler, or of the engine. */
  compiler: z.string(),
  parameters: z.int().positive(),
  /** Absent: all. */
  trained_parameters: z.int().positive().exactOptional(),
  device: z.strictObject({
    memory_bytes: bytes,
    /** Kept free: the driver's context, workspaces of libraries, a display, other processes. */
    reserve_bytes: bytes,
  }),
  /** The cut to train with; if it does not fit, the smallest one that was tried. */
  plan: z.strictObject(cutShape),
  fits: z.boolean(),
  peak: z.strictObject({
    /** The most at any time of an optimizer step. */
    training_bytes: bytes,
    /** Of it: weights, gradients, moments and averages. */
    state_bytes: bytes,
    /** A checkpoint on disk: weights, moments and averages. */
    checkpoint_bytes: bytes,
    /** The pictures at the end of a chunk, beside the state of the training. */
    preview_bytes: bytes,
    /** One picture, without a training. */
    sampling_bytes: bytes,
  }),
  /** Operations of matrix products, from our graphs. */
  flops: z.strictObject({
    /** Of one prediction of one sample. */
    forward: z.number().nonnegative(),
    /** Forward and backward pass of one sample, nothing computed twice: the mean over the training. */
    sample: z.number().nonnegative(),
    /** The same with what gradient checkpointing computes again. */
    executed: z.number().nonnegative(),
    /** The optimizer's part of an update. */
    update: z.number().nonnegative(),
  }),
  /**
   * Bytes that the other operations of the graphs read and write. Absent: planned by an earlier version, which did not
   * count them.
   */
  moved: z
    .strictObject({
      /** Of the forward and backward pass of one micro-batch: the mean over the training. */
      micro_batch: z.number().nonnegative(),
      /** Of the optimizer's part of an update. */
      update: z.number().nonnegative(),
    })
    .exactOptional(),
  /** The cuts whose memory was found, in order. */
  tried: z.array(z.strictObject({ ...cutShape, training_bytes: bytes, fits: z.boolean() })),
});
export type MemoryPlan = z.infer<typeof memoryPlanSchema>;
