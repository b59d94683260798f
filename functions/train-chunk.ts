/** @file Trains steps [from, to). Checks the call here; the gpu-runner computes. */
import { z } from 'zod';
import { MOST_SAMPLES } from '../configs/bounds.ts';
import type { KeyedConfig } from '../configs/schema.ts';
import { Cancelled, InvalidInput, Unprocessable } from '../errors.ts';
import type { TrainChunkJob } from '../gpu-runner/protocol.ts';
import { putDocument, readCheckpoint, readDataset, readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { type Checkpoint, digestSchema, trainingPlanSchema } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';
import { checkLossColumns } from './experiments/complete-losses.ts';
import { frozenNetsOf } from './experiments/config-weights.ts';
import { checkSignals } from './experiments/dataset-signals.ts';
import { checkMicroBatch } from './experiments/resolve-engine.ts';
import { checkSuccession } from './experiments/succession.ts';

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
  version: 4,
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

interface ParentClaim {
  readonly config: Digest;
  readonly parent?: Digest | undefined;
  readonly parent_config?: Digest | undefined;
  readonly new_epoch?: true | undefined;
  readonly from: number;
}

/**
 * The checkpoint to go on from; one of a config that was left on purpose as a checkpoint of the new one, and one of
 * another dataset at the beginning of its next epoch.
 */
async function openParent(blobs: BlobStore, config: KeyedConfig, claim: ParentClaim): Promise<Digest | undefined> {
  if (claim.parent === undefined) {
    if (claim.from === 0) return undefined;
    throw new Unprocessable(`step ${claim.from} needs a checkpoint to go on from`, {
      expected: 'parent, or from = 0 for a fresh model',
    });
  }
  const parent = await readCheckpoint(blobs, claim.parent);
  if (parent.step !== claim.from) {
    throw new Unprocessable(`the checkpoint is at step ${parent.step}, the chunk starts at ${claim.from}`, {
      expected: `from = ${parent.step}`,
    });
  }
  const stated = claim.parent_config ?? claim.config;
  if (parent.config !== stated) {
    throw new Unprocessable(`a checkpoint from another config: it was trained with ${parent.config}, not ${stated}`, {
      expected: 'the config that the checkpoint was trained with',
      hint: 'train that config, or state the other one as parent_config to go on under a changed config',
    });
  }
  if (parent.config === claim.config && !claim.new_epoch) return claim.parent;
  if (parent.config !== claim.config) checkSuccession(await readKeyedConfig(blobs, parent.config), config);
  const links = parent.links.map(link => (link === parent.config ? claim.config : link));
  const cursor = claim.new_epoch ? { epoch: parent.cursor.epoch + 1, position: 0 } : parent.cursor;
  const moved: Checkpoint = { ...parent, cursor, config: claim.config, links };
  return (await putDocument(blobs, moved)).digest;
}
