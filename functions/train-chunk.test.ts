import { beforeAll, describe, expect, test } from 'vitest';
import { configSchema, type KeyedConfig, keyedConfig } from '../configs/schema.ts';
import { AppError } from '../errors.ts';
import type { Job } from '../gpu-runner/protocol.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { digestOf } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import type { Dataset } from '../storage/records.ts';
import { offeredConditions } from './experiments/dataset-signals.ts';
import { createTrainingLab, ENGINE, PLAN, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const MADE_BY = { engine: ENGINE, plan: PLAN };

let lab: TrainingLab;
let dataset: Digest;
let config: Digest;
/** At step 4. */
let checkpoint: Digest;

beforeAll(async () => {
  lab = createTrainingLab();
  dataset = await putToyDataset(lab.blobs);
  config = await putConfig(keyed => keyed);
  checkpoint = await trainTo({ config, dataset, from: 0, to: 4, ...MADE_BY });
});

async function put(document: Json): Promise<Digest> {
  return (await putDocument(lab.blobs, document)).digest;
}

async function putConfig(change: (config: KeyedConfig) => KeyedConfig): Promise<Digest> {
  const { model, ...rest } = keyedConfig(configSchema.parse(TOY_CONFIG));
  const conditions = offeredConditions(await readDataset(lab.blobs, dataset));
  return put(change({ ...rest, model: { ...model, conditions } }));
}

async function trainTo(body: Json): Promise<Digest> {
  const { result } = await lab.executor.call('train-chunk', body);
  return result.outputs.checkpoint?.digest ?? digestOf('nothing');
}

async function problemOf(body: Json): Promise<AppError> {
  const error: unknown = await lab.executor.call('train-chunk', body).then(
    () => undefined,
    reason => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, got ${error}`);
}

describe('a parent', () => {
  test('of the same config at the first step is gone on from', async () => {
    const whole = await trainTo({ config, dataset, from: 0, to: 6, ...MADE_BY });
    const next = { config, parent: checkpoint, dataset, from: 4, to: 6, ...MADE_BY };
    expect(await trainTo(next)).toBe(whole);
    expect(await lab.executor.call('train-chunk', next)).toMatchObject({ cache: 'hit' });
  });

  test('from another config is refused, naming both', async () => {
    const other = await putConfig(keyed => ({ ...keyed, seed: 1 }));
    const error = await problemOf({ config: other, parent: checkpoint, dataset, from: 4, to: 6, ...MADE_BY });
    expect(error).toMatchObject({ status: 422, message: expect.stringContaining('a checkpoint from another config') });
    expect(error.message).toContain(config);
    expect(error.message).toContain(other);
  });

  test('from another config goes on when that is stated and the tensors fit', async () => {
    const longer = await putConfig(keyed => ({ ...keyed, optimizer: { ...keyed.optimizer, total_samples: 256 } }));
    const body = { config: longer, parent: checkpoint, dataset, from: 4, to: 6, ...MADE_BY };
    expect(await problemOf({ ...body, parent_config: longer })).toMatchObject({ status: 422 });
    const made = await trainTo({ ...body, parent_config: config });
    expect(made).not.toBe(await trainTo({ config, parent: checkpoint, dataset, from: 4, to: 6, ...MADE_BY }));
    // What comes after belongs to the new config like any other.
    await trainTo({ config: longer, parent: made, dataset, from: 6, to: 8, ...MADE_BY });
  });

  test.each([
    ['seed', (keyed: KeyedConfig) => ({ ...keyed, seed: 1 })],
    ['model', (keyed: KeyedConfig) => ({ ...keyed, model: { ...keyed.model, depth: 2 } })],
    ['data', (keyed: KeyedConfig) => ({ ...keyed, data: { batch_size: 16 } })],
    [
      'optimizer.type',
      (keyed: KeyedConfig) => ({ ...keyed, optimizer: { ...keyed.optimizer, type: 'adamw' as const } }),
    ],
    [
      'optimizer.ema_gammas',
      (keyed: KeyedConfig) => ({ ...keyed, optimizer: { ...keyed.optimizer, ema_gammas: [3] } }),
    ],
  ])('cannot go on with another %s', async (key, change) => {
    const other = await putConfig(change);
    const body = { config: other, parent: checkpoint, parent_config: config, dataset, from: 4, to: 6, ...MADE_BY };
    expect(await problemOf(body)).toMatchObject({
      status: 422,
      message: expect.stringMatching(`^a run cannot go on with another ${key}.* \\(.*, not .*\\): .`),
    });
  });

  test('at another step is refused', async () => {
    const error = await problemOf({ config, parent: checkpoint, dataset, from: 3, to: 6, ...MADE_BY });
    expect(error).toMatchObject({ status: 422, message: 'the checkpoint is at step 4, the chunk starts at 3' });
  });

  test('is needed beyond step 0', async () => {
    expect(await problemOf({ config, dataset, from: 4, to: 6, ...MADE_BY })).toMatchObject({ status: 422 });
  });

  test('that is no checkpoint is refused', async () => {
    const error = await problemOf({ config, parent: dataset, dataset, from: 4, to: 6, ...MADE_BY });
    expect(error).toMatchObject({ status: 422, message: expect.stringContaining('is not a checkpoint') });
  });
});

describe('the other inputs', () => {
  test('an unknown digest is named', async () => {
    const unknown = digestOf('nobody stored this');
    for (const key of ['config', 'dataset', 'parent']) {
      const body = { config, parent: checkpoint, dataset, from: 4, to: 6, ...MADE_BY, [key]: unknown };
      expect(await problemOf(body)).toMatchObject({ status: 404, message: expect.stringContaining(unknown) });
    }
  });

  test('the engine must be said, and the micro-batch of the plan divides the batch', async () => {
    const body = { config, dataset, from: 0, to: 4, ...MADE_BY };
    expect(await problemOf({ ...body, engine: undefined })).toMatchObject({
      status: 400,
      message: 'engine is missing',
    });
    expect(await problemOf({ ...body, plan: { micro_batch: 3 } })).toMatchObject({ status: 422 });
  });

  test('an empty step range is refused', async () => {
    expect(await problemOf({ config, dataset, from: 4, to: 4, ...MADE_BY })).toMatchObject({ status: 400 });
  });

  test('a dataset without a signal of the config is refused, naming it', async () => {
    const document = await readDataset(lab.blobs, dataset);
    const pages = document.pages.map(({ items, columns: { text: _, ...columns } }) => ({ items, columns }));
    const mute = await put({ ...document, pages } satisfies Dataset);
    const error = await problemOf({ config, dataset: mute, from: 0, to: 4, ...MADE_BY });
    expect(error).toMatchObject({ status: 422, message: expect.stringContaining('conditioned on text') });
  });

  test('a dataset from another encoder is refused, naming both', async () => {
    const document = await readDataset(lab.blobs, dataset);
    const encoders = { ...document.encoders, text: { name: 't5-large', dim: 1024, tokens: 512 } };
    const error = await problemOf({
      config,
      dataset: await put({ ...document, encoders }),
      from: 0,
      to: 4,
      ...MADE_BY,
    });
    expect(error.message).toContain('"encoder":"words"');
    expect(error.message).toContain('"encoder":"t5-large"');
  });
});

test('the runner gets the weights of the frozen nets that the config names', async () => {
  const weights = await put({ any: 'bytes' });
  const teaching = await putConfig(({ objective, ...rest }) => ({
    ...rest,
    objective: { ...objective, frozen: { teacher: [weights] } },
  }));
  const jobs: Job[] = [];
  const { run } = lab.runner;
  lab.runner.run = (action, job, options) => {
    jobs.push(job);
    return run(action, job, options);
  };
  try {
    await trainTo({ config: teaching, dataset, from: 0, to: 2, ...MADE_BY });
    await trainTo({ config, dataset, from: 0, to: 2, ...MADE_BY });
  } finally {
    lab.runner.run = run;
  }
  expect(jobs[0]).toMatchObject({ config: teaching, weights: { teacher: [weights] } });
  expect(jobs[1]).not.toHaveProperty('weights');
});

test('a remembered answer whose blobs are gone is computed again, however often that happens', async () => {
  const body = { config, dataset, from: 0, to: 3, ...MADE_BY };
  const made = await trainTo(body);
  for (let time = 0; time < 6; time++) {
    const before = lab.runner.computed.length;
    await lab.store.delete(blobKey(made));
    // The result's output is missing, so it is a miss; the runner still remembers the job.
    expect(await trainTo(body)).toBe(made);
    expect(lab.runner.computed.length).toBe(before + 1);
    expect(await lab.blobs.head(made)).toBeDefined();
  }
});
