/**
 * @file The pipeline that the crash sweeps kill: six pictures, an experiment, its chunks, a sample; called as by curl.
 */
import { z } from 'zod';
import { digestSchema } from '../../storage/records.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Sends a JSON request and waits for its end, as `Prefer: wait` asks for. */
export type Send = (method: 'POST' | 'PUT', path: string, body: unknown) => Promise<Answer>;

export interface PipelineOptions {
  /** Pixels of a side: what the engine's patches fill. */
  readonly size: number;
  /** Chunks of two steps; from the third on, one is superseded. */
  readonly chunks: number;
  readonly model: Readonly<Record<string, unknown>>;
  /** Given in full, so that no machine resolves it otherwise. */
  readonly engine: Readonly<Record<string, unknown>>;
}

/** What the calls answered last: equal however often somebody died on the way. */
export interface Ends {
  readonly dataset: string;
  readonly checkpoint: string;
  readonly step: number;
  readonly sample: string;
}

export const EXPERIMENT = 'crash';
const PICTURES = { dataset: 'six', source: 'portraits', count: 6, seed: 3 };
const PROMPT = 'a person with red hair';
const BATCH = 4;
const CHUNK_STEPS = 2;

const preparedSchema = z.object({
  result: z.object({ digest: digestSchema, counts: z.object({ pictures: z.literal(6) }) }),
});
const trainedSchema = z.object({
  result: z.object({ state: z.literal('done'), step: z.int(), checkpoint: digestSchema }),
});
const sampledSchema = z.object({ image: z.object({ digest: digestSchema }) });

/** Runs the whole pipeline. Any call may have succeeded before. @throws Error naming the call that was refused. */
export async function runPipeline(send: Send, { size, chunks, model, engine }: PipelineOptions): Promise<Ends> {
  const ask = async (method: 'POST' | 'PUT', path: string, body: unknown) => {
    const answer = await send(method, path, body);
    if (answer.status === 200 || answer.status === 201) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const config = {
    model,
    optimizer: { total_samples: chunks * CHUNK_STEPS * BATCH, warmup_samples: BATCH },
    data: { batch_size: BATCH },
    run: { chunk_steps: CHUNK_STEPS, keep: 1, preview: { prompts: [PROMPT], steps: 2 } },
  };
  const prepared = preparedSchema.parse(await ask('POST', '/functions/prepare', { ...PICTURES, size }));
  await ask('PUT', `/experiments/${EXPERIMENT}`, { config, dataset: PICTURES.dataset, engine });
  const trained = trainedSchema.parse(await ask('POST', `/experiments/${EXPERIMENT}/train`, {}));
  const sampled = sampledSchema.parse(
    await ask('POST', '/sample', { model: EXPERIMENT, prompt: PROMPT, steps: 2, seed: 7 }),
  );
  const { step, checkpoint } = trained.result;
  return { dataset: prepared.result.digest, checkpoint, step, sample: sampled.image.digest };
}
