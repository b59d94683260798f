/** @file The weights of a checkpoint as safetensors files. */
import { z } from 'zod';
import type { ExportJob } from '../gpu-runner/protocol.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { runJob } from './execution/runner-job.ts';

export const exportWeights = defineFunction({
  name: 'export',
  summary:
    'Makes safetensors files of the weights of a checkpoint, with adapters (model.lora) merged into their matrices. ' +
    'Output weights, or weights-00001-of-00002 and so on beyond 900 MiB.',
  version: 1,
  kind: 'pure',
  digests: { checkpoint: 'experiment' },
  example: { checkpoint: 'portraits', weights: 'ema' },
  input: z.strictObject({
    checkpoint: digestSchema.describe('checkpoint: NAME, NAME@STEP or a digest'),
    weights: z.enum(['ema', 'raw']).default('ema').describe('ema: averaged weights; raw: weights of the last step'),
  }),
  async run(ctx, body) {
    const job: ExportJob = { kind: 'export', ...body };
    const { outputs, links, stats } = await runJob(ctx, job);
    return { outputs, links, stats };
  },
});
