/** @file Plans the memory of a training on a device. The gpu-runner plans, beside its job. */

import { z } from 'zod';
import { LARGEST_BATCH, LONGEST_SIDE, MOST_MEMORY, MOST_TEXT_TOKENS } from '../configs/bounds.ts';
import { ENGINE_NAMES, PRECISIONS } from '../configs/engines.ts';
import { checkpointingSchema } from '../configs/gradient-checkpointing.ts';
import { oneOf } from '../configs/suggest.ts';
import type { PlanJob } from '../gpu-runner/protocol.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { runJob } from './execution/runner-job.ts';

export const planMemory = defineFunction({
  name: 'plan-memory',
  summary:
    'Finds the peak memory of a training and of its pictures on a device, and the largest micro-batch that fits. ' +
    'Output plan (JSON). preflight calls it.',
  version: 3,
  kind: 'pure',
  digests: { config: 'blob' },
  example: {
    config: `sha256:${'0'.repeat(64)}`,
    width: 64,
    height: 64,
    text_tokens: 32,
    previews: 8,
    engine: { name: 'onnxruntime/cpu', precision: 'f32' },
    version: '1.24.0',
    memory_bytes: 17_179_869_184,
    reserve_bytes: 1_073_741_824,
    largest_micro_batch: 64,
  },
  input: z.strictObject({
    config: digestSchema.describe('keyed config, with the conditions of the training'),
    width: z.int().positive().max(LONGEST_SIDE).describe('width of the training pictures in pixels'),
    height: z.int().positive().max(LONGEST_SIDE).describe('height of the training pictures in pixels'),
    text_tokens: z.int().nonnegative().max(MOST_TEXT_TOKENS).describe('text tokens that the network is fed'),
    previews: z.int().min(1).max(64).describe('pictures that are previewed at a time'),
    engine: z.strictObject({ name: oneOf('engine', ENGINE_NAMES), precision: z.enum(PRECISIONS) }),
    card: z.string().optional().describe('card that XLA compiles for; default: the device of the gpu-runner'),
    quick: z
      .boolean()
      .optional()
      .describe('predicts where the compiler of the engine would take minutes; on the safe side'),
    version: z.string().describe('version of the engine; another version plans anew'),
    memory_bytes: z.int().positive().max(MOST_MEMORY).describe('memory of the device'),
    reserve_bytes: z.int().nonnegative().max(MOST_MEMORY).describe('memory that the training must leave free'),
    largest_micro_batch: z.int().min(1).max(LARGEST_BATCH).describe('larger micro-batches are not considered'),
    micro_batch: z.int().min(1).max(LARGEST_BATCH).optional().describe('default: the largest that fits'),
    gradient_checkpointing: checkpointingSchema.optional().describe('default: only if nothing fits without it'),
  }),
  async run(ctx, body) {
    const job: PlanJob = { kind: 'plan', ...body };
    const { outputs, links, stats } = await runJob(ctx, job);
    return { outputs, links, stats };
  },
});
