/**
 * @file The calls of a soak: a few kinds of datasets, trainings and pictures, whose answers an undisturbed run knows.
 */
import { z } from 'zod';
import { digestSchema } from '../../storage/records.ts';
import type { Client } from './client.ts';

/** Optimizer steps of a training. */
export const STEPS = 24;
const BATCH = 8;
const SIZE = 32;

/** How many kinds of each there are. */
export interface Variety {
  readonly datasets: number;
  /** Seeds of models. */
  readonly models: number;
  /** Pictures per model. */
  readonly pictures: number;
}

const PROMPTS = ['a smiling person', 'a person with red hair wearing round glasses', 'a bald person in a navy hoodie'];

const preparedSchema = z.looseObject({ result: z.looseObject({ digest: digestSchema }) });
const trainedSchema = z.looseObject({
  result: z.looseObject({ state: z.string(), step: z.int(), checkpoint: digestSchema }),
});
const sampledSchema = z.looseObject({ image: z.looseObject({ digest: digestSchema }) });

export function datasetName(dataset: number): string {
  return `faces-${dataset}`;
}

export async function prepare(client: Client, dataset: number) {
  const body = {
    dataset: datasetName(dataset),
    source: 'portraits',
    count: 10 + 5 * dataset,
    size: SIZE,
    seed: dataset,
  };
  const answer = await client.ask('POST', '/functions/prepare', body);
  return { answer, digest: preparedSchema.parse(answer.body).result.digest };
}

export interface Training {
  readonly name: string;
  readonly dataset: number;
  readonly model: number;
  /** However it is cut into chunks, it ends in the same checkpoint. */
  readonly chunkSteps: number;
}

export async function create(client: Client, { name, dataset, model, chunkSteps }: Training): Promise<void> {
  const config = {
    seed: model,
    model: { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 },
    optimizer: { total_samples: BATCH * STEPS, warmup_samples: 2 * BATCH },
    data: { batch_size: BATCH },
    run: { chunk_steps: chunkSteps, keep: 1, preview: { prompts: [PROMPTS[0]], steps: 2 } },
  };
  // Given in full, so that no state of a runner resolves it otherwise.
  const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1, micro_batch: BATCH };
  await client.ask('PUT', `/experiments/${name}`, { config, dataset: datasetName(dataset), engine });
}

/** @throws Error when the answer is not that of a finished training. */
export async function train(client: Client, name: string) {
  const answer = await client.ask('POST', `/experiments/${name}/train`, {});
  const { state, step, checkpoint } = trainedSchema.parse(answer.body).result;
  if (state !== 'done' || step !== STEPS) throw new Error(`${name} was answered as trained: ${state} at step ${step}`);
  return { answer, digest: checkpoint };
}

/** @param model Name of an experiment, or digest of a checkpoint. */
export async function sample(client: Client, model: string, picture: number) {
  const prompt = PROMPTS[picture % PROMPTS.length];
  const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
  const answer = await client.ask('POST', '/sample', { model, prompt, steps: 3, seed: picture, engine });
  return { answer, digest: sampledSchema.parse(answer.body).image.digest };
}
