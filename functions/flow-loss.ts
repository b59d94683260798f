/** @file Measures the loss of a checkpoint on pictures that are not trained on. */
import { z } from 'zod';
import type { FlowLossJob } from '../gpu-runner/protocol.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';

export const flowLoss = defineFunction({
  name: 'flow-loss',
  summary:
    'Measures the flow-matching loss of a checkpoint on held-out pictures and on as many trained ones, at fixed noise ' +
    'and times. Outputs flow_loss (JSON).',
  version: 2,
  kind: 'pure',
  usesEngine: true,
  digests: { checkpoint: 'experiment', dataset: 'dataset' },
  example: {
    checkpoint: 'portraits@latest',
    dataset: 'portraits',
    pictures: 64,
    batch: 8,
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: z.strictObject({
    checkpoint: digestSchema.describe('checkpoint, or the name of an experiment with @step, @latest, @best or @clean'),
    dataset: digestSchema,
    pictures: z.int().min(1).max(4096).describe('the first so many pictures of the split val, and as many of train'),
    batch: z.literal([1, 2, 4, 8]).describe('samples at once, of the 8 times of a picture'),
    noises: z.int().min(1).max(16).optional().describe('of each picture and time, to average over; default: 1'),
  }),
  async run(ctx, { engine: given, ...body }) {
    const job: FlowLossJob = { kind: 'flow-loss', ...body, engine: requireEngine(given) };
    const { outputs, links, stats } = await runJob(ctx, job);
    return { outputs, links, stats };
  },
});
