/** @file Measures which kernels of a GPU are the fastest for a training. The gpu-runner measures. */
import { z } from 'zod';
import type { TuneJob } from '../gpu-runner/protocol.ts';
import { readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import { digestSchema, trainingPlanSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';
import { frozenNetsOf } from './experiments/config-weights.ts';

export const tune = defineFunction({
  name: 'tune',
  summary:
    'Measures which kernels of an NVIDIA GPU are the fastest for a training. Output choices (text), for engine.autotune:' +
    ' with equal choices, every process computes equal bits. train calls it once, before the first step.',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  digests: { config: 'blob', dataset: 'dataset' },
  example: {
    config: `sha256:${'0'.repeat(64)}`,
    dataset: 'portraits',
    device: 'NVIDIA GeForce RTX 4090',
    engine: { name: 'xla/cuda', precision: 'bf16', threads: 1 },
    plan: { micro_batch: 16 },
  },
  input: z.strictObject({
    config: digestSchema.describe('digest of the keyed sections of the config'),
    dataset: digestSchema,
    plan: trainingPlanSchema.describe('how an update is divided to fit the device'),
    device: z.string().describe('the device and the versions of its libraries: others are measured anew'),
  }),
  async run(ctx, { engine: given, device: _, ...body }) {
    const weights = frozenNetsOf(await readKeyedConfig(ctx.blobs, body.config));
    const job: TuneJob = { kind: 'tune', ...body, engine: requireEngine(given), ...(weights && { weights }) };
    const { outputs, links, stats } = await runJob(ctx, job);
    return { outputs, links, stats };
  },
});
