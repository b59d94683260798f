/** @file The job `sample`: draws pictures from a checkpoint, or from the weights with which a training begins. */

import type { ModelConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { SampleJob } from '../protocol.ts';
import { Sampler } from '../sampling/sampler.ts';
import { checkSample } from './check-sample.ts';
import { loadWeights } from './checkpoints.ts';
import type { JobContext, JobHandler } from './context.ts';
import { engineLinks } from './engine-links.ts';
import { makeInitialWeights } from './initial-weights.ts';

/** The model of the last sample. */
interface Resident {
  readonly key: string;
  readonly sampler: Sampler;
  readonly model: ModelConfig;
  /** Of its weights. */
  readonly bytes: number;
}

export function createSampleJob(): JobHandler<'sample'> {
  let resident: Resident | undefined;

  async function openSampler(ctx: JobContext, job: SampleJob): Promise<Resident> {
    const key = canonicalJson([job.network, job.engine]);
    if (resident?.key === key) return resident;
    await resident?.sampler.dispose();
    resident = undefined;
    const { config, weights } = await loadNetwork(ctx.blobs, job);
    const sampler = new Sampler(await ctx.engine(job.engine), config, weights);
    const bytes = Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0);
    resident = { key, sampler, model: config.model, bytes };
    return resident;
  }

  return async (ctx, job) => {
    const { sampler, model, bytes } = await openSampler(ctx, job);
    const conditions = await loadConditions(ctx, job);
    const started = performance.now();
    const count = job.noise?.length ?? Object.values(conditions)[0]?.shape[0] ?? 0;
    const textTokens = conditions.text?.shape[1] ?? 0;
    await checkSample(model, { width: job.width, height: job.height, textTokens, pictures: count }, job.engine, bytes);
    const data = await sampler.sample({ ...job, conditions }, async (done, total) => {
      ctx.progress({ phase: 'sample', done, total, unit: 'steps' });
      await ctx.breathe();
    });
    const pixels = await ctx.blobs.put(
      encodeNpy({ dtype: 'u8', shape: [count, job.height, job.width, 3], data }),
      'application/x-npy',
    );
    return {
      outputs: { pixels },
      links: engineLinks(job.engine),
      stats: { seconds: (performance.now() - started) / 1000 },
    };
  };
}

async function loadNetwork(blobs: BlobStore, job: SampleJob) {
  const { network } = job;
  if ('config' in network) {
    const config = await readKeyedConfig(blobs, network.config);
    return { config, weights: await makeInitialWeights(blobs, config, job) };
  }
  const checkpoint = await readCheckpoint(blobs, network.checkpoint);
  const config = await readKeyedConfig(blobs, checkpoint.config);
  return { config, weights: await loadWeights(blobs, checkpoint, config, network.weights) };
}

async function loadConditions(ctx: JobContext, job: SampleJob): Promise<Record<string, Tensor>> {
  const conditions: Record<string, Tensor> = {};
  const { tensors } = decodeSafetensors(await ctx.blobs.get(job.conditions));
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    if (dtype !== 'f32') throw new Unprocessable(`condition "${name}" is ${dtype}`, { expected: 'f32 tensors' });
    conditions[name] = { shape, dtype, data };
  }
  return conditions;
}
