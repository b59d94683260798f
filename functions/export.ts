/** @file The weights of a checkpoint as safetensors files. */
import { z } from 'zod';
import { weightsSchema } from '../configs/averages.ts';
import { MOST_TRACES } from '../configs/bounds.ts';
import { listNotices, type ModelNotice } from '../configs/model-notices.ts';
import { signalsOf } from '../configs/signals.ts';
import type { ExportJob } from '../gpu-runner/protocol.ts';
import { readCheckpoint, readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { runJob } from './execution/runner-job.ts';
import { refuseMemorized } from './experiments/refuse-memorized.ts';
import { resolveWeights } from './experiments/sample-weights.ts';

export const exportWeights = defineFunction({
  name: 'export',
  summary:
    'Makes safetensors files of the weights of a checkpoint, with adapters (model.lora) merged into their matrices. ' +
    'Output weights, or weights-00001-of-00002 and so on beyond 900 MiB; stats.licenses tells what the licences of the ' +
    'encoders say of the weights.',
  version: 1,
  kind: 'pure',
  digests: { checkpoint: 'experiment' },
  example: { checkpoint: 'portraits', weights: 'ema' },
  input: z.strictObject({
    checkpoint: digestSchema.describe('checkpoint: NAME, NAME@STEP or a digest'),
    weights: weightsSchema.default('ema').describe('as in sample: ema, raw, {"average": 1} or {"sigma_rel": 0.1}'),
    traces: z.array(digestSchema).max(MOST_TRACES).optional().describe('as in sample'),
    memorized: z
      .literal('accept')
      .optional()
      .describe('exports a model that has memorized training pictures, as check-memorization found'),
  }),
  admit: ({ store, blobs, progress }, { checkpoint, memorized }) =>
    refuseMemorized({ store, blobs, progress }, checkpoint, memorized === 'accept'),
  async run(ctx, body) {
    const { weights, notes } = await resolveWeights(ctx.blobs, body);
    const job: ExportJob = { kind: 'export', checkpoint: body.checkpoint, weights };
    const { outputs, links, stats } = await runJob(ctx, job);
    const licenses = await listLicenses(ctx, body.checkpoint);
    return {
      outputs,
      links,
      stats: {
        ...stats,
        ...(notes.length > 0 && { notes: [...notes] }),
        ...(licenses.length > 0 && { licenses: licenses.map(notice => ({ ...notice })) }),
      },
    };
  },
});

/** Of the networks whose features the model was trained on: its encoders, and the frozen nets of its losses. */
async function listLicenses({ blobs }: FunctionContext, checkpoint: Digest): Promise<ModelNotice[]> {
  const { model, objective } = await readKeyedConfig(blobs, (await readCheckpoint(blobs, checkpoint)).config);
  const encoders = signalsOf(model.conditions).flatMap(signal => {
    const condition = model.conditions?.[signal];
    return condition && 'encoder' in condition && condition.encoder !== undefined ? [condition.encoder] : [];
  });
  return listNotices([...encoders, ...Object.keys(objective.frozen ?? {})]);
}
