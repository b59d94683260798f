/** @file Trains steps [from, to). Checks the call here; the gpu-runner computes. */
import { z } from 'zod';
import { MOST_SAMPLES } from '../configs/bounds.ts';
import { Cancelled, InvalidInput } from '../errors.ts';
import type { TrainChunkJob } from '../gpu-runner/protocol.ts';
import { readDataset, readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import { digestSchema, trainingPlanSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';
import { openParent } from './experiments/chunk-parent.ts';
import { checkLossColumns } from './experiments/complete-losses.ts';
import { frozenNetsOf } from './experiments/config-weights.ts';
import { checkSignals } from './experiments/dataset-signals.ts';
import { checkMicroBatch } from './experiments/resolve-engine.ts';

const input = z.strictObject({
  config: digestSchema.describe('digest of the keyed sections of the config'),
  parent: digestSchema.optional().describe('checkpoint to go on from; absent: a fresh model from the seed'),
  parent_config: digestSchema
    .optional()
    .describe('keyed config of the parent, if it differs on purpose, as when a run is extended'),
  dataset: digestSchema,
  from: z.int().nonnegative().max(MOST_SAMPLES).describe('step at which the chunk begins: the step of the parent'),
  to: z.int().positive().max(MOST_SAMPLES).describe('step at which the chunk ends'),
  new_epoch: z
    .literal(true)
    .optional()
    .describe('begins an epoch: the dataset is not the one that the parent was trained on'),
  plan: trainingPlanSchema.describe('how an update is divided to fit the device'),
});

export const trainChunk = defineFunction({
  name: 'train-chunk',
  summary: 'Trains steps [from, to) from one checkpoint to the next.',
  version: 5,
  kind: 'pure',
  usesEngine: true,
  digests: { config: 'blob', parent: 'experiment', parent_config: 'blob', dataset: 'dataset' },
  example: {
    config: `sha256:${'0'.repeat(64)}`,
    dataset: 'portraits',
    from: 0,
    to: 100,
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
    plan: { micro_batch: 64 },
  },
  input,
  async run(ctx, { engine: given, parent_config, new_epoch, ...body }) {
    const engine = requireEngine(given);
    if (body.from >= body.to) {
      throw new InvalidInput(`the step range [${body.from}, ${body.to}) is empty`, { expected: 'from < to' });
    }
    const config = await readKeyedConfig(ctx.blobs, body.config);
    checkMicroBatch('plan.micro_batch', body.plan.micro_batch, config.data);
    const parent = await openParent(ctx.blobs, config, { ...body, parent_config, new_epoch });
    const dataset = await readDataset(ctx.blobs, body.dataset);
    checkSignals(config.model.conditions, dataset);
    checkLossColumns(config, dataset);

    const { parent: _, ...rest } = body;
    const weights = frozenNetsOf(config);
    const job: TrainChunkJob = {
      kind: 'train-chunk',
      ...rest,
      ...(parent && { parent }),
      ...(weights && { weights }),
      engine,
    };
    const { outputs, links, stats, to = body.to } = await runJob(ctx, job);
    if (to <= body.from) {
      throw new Cancelled(`the runner stopped before step ${body.from} was done`, { hint: 'call again' });
    }
    return {
      outputs,
      links,
      stats,
      ...(to < body.to ? { params: { from: body.from, to, ...(new_epoch && { new_epoch }), plan: body.plan } } : {}),
    };
  },
});
