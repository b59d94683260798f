/** @file The weights of a checkpoint as safetensors files. */
import { z } from 'zod';
import { weightsSchema } from '../configs/averages.ts';
import { MOST_TRACES } from '../configs/bounds.ts';
import type { ExportJob } from '../gpu-runner/protocol.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { runJob } from './execution/runner-job.ts';
import { resolveWeights } from './experiments/sample-weights.ts';

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
    weights: weightsSchema.default('ema').describe('as in sample: ema, raw, {"average": 1} or {"sigma_rel": 0.1}'),
    traces: z.array(digestSchema).max(MOST_TRACES).optional().describe('as in sample'),
  }),
  async run(ctx, body) {
    const { weights, notes } = await resolveWeights(ctx.blobs, body);
    const job: ExportJob = { kind: 'export', checkpoint: body.checkpoint, weights };
    const { outputs, links, stats } = await runJob(ctx, job);
    return { outputs, links, stats: { ...stats, ...(notes.length > 0 && { notes: [...notes] }) } };
  },
});
