import { expect, it } from 'vitest';
import { validationSchema } from '../../configs/validation.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { createFlowLossJob } from './flow-loss.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTrainChunkJob } from './train-chunk.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
const spec: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const blobs = createBlobStore(createMemoryStore());
const ctx: JobContext = {
  blobs,
  engine: async () => engine,
  openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 20 }, onPage),
  progress: () => {},
  breathe: async () => 'continue',
};
const config = (await putDocument(blobs, tinyConfig())).digest;
const items = tinyItems(12);
const plan = { micro_batch: 4, gradient_checkpointing: false };
const train = createTrainChunkJob();
const chunk = { kind: 'train-chunk', config, engine: spec, plan } as const;

const putDataset = (validation: readonly number[]) => putTinyDataset(blobs, items, { pageSize: 4, validation });

async function trainOn(dataset: Awaited<ReturnType<typeof putDataset>>) {
  const { outputs } = await train(ctx, { ...chunk, dataset, from: 0, to: 2 });
  if (outputs.checkpoint === undefined) throw new Error('the job made no checkpoint');
  return outputs.checkpoint.digest;
}

async function measure(
  dataset: Awaited<ReturnType<typeof putDataset>>,
  pictures: number,
  job = createFlowLossJob(),
  noises?: number,
) {
  const checkpoint = await trainOn(dataset);
  const { outputs, links } = await job(ctx, {
    kind: 'flow-loss',
    checkpoint,
    dataset,
    pictures,
    batch: 4,
    ...(noises && { noises }),
    engine: spec,
  });
  expect(links).toEqual([]);
  const digest = outputs.flow_loss?.digest;
  if (digest === undefined) throw new Error('the job made no loss');
  return { digest, ...validationSchema.parse(JSON.parse(Buffer.from(await blobs.get(digest)).toString())) };
}

it('measures the first held-out pictures, and as many trained ones', async () => {
  const dataset = await putDataset([1, 6, 9]);
  const { times, held_out, train: trained } = await measure(dataset, 2);
  expect([times.length, held_out?.pictures, trained?.pictures]).toEqual([8, 2, 2]);
  const all = await measure(dataset, 64);
  expect([all.held_out?.pictures, all.train?.pictures]).toEqual([3, 3]);
  expect(all.held_out?.loss).toBeGreaterThan(0);
});

it('makes the same bytes again, in a warm and in a cold runner', async () => {
  const dataset = await putDataset([1, 6]);
  const warm = createFlowLossJob();
  const digests = [await measure(dataset, 2, warm), await measure(dataset, 2, warm), await measure(dataset, 2)];
  expect(new Set(digests.map(({ digest }) => digest)).size).toBe(1);
});

it('measures several noises, and one as if it was not said', async () => {
  const dataset = await putDataset([1, 6]);
  const unsaid = await measure(dataset, 2);
  const one = await measure(dataset, 2, createFlowLossJob(), 1);
  const two = await measure(dataset, 2, createFlowLossJob(), 2);
  expect(one.digest).toBe(unsaid.digest);
  expect(unsaid).not.toHaveProperty('noises');
  expect(two).toMatchObject({ noises: 2, held_out: { pictures: 2 } });
  expect(two.held_out?.loss).not.toBe(one.held_out?.loss);
});

it('measures trained pictures alone where none is held out', async () => {
  const found = await measure(await putDataset([]), 2);
  expect([found.held_out, found.train?.pictures]).toEqual([undefined, 2]);
});

it('leaves the training between two chunks as it is', async () => {
  const dataset = await putDataset([1]);
  const whole = await train(ctx, { ...chunk, dataset, from: 0, to: 4 });
  const { checkpoint } = await measure(dataset, 1);
  const parent = await trainOn(dataset);
  expect(checkpoint).toBe(parent);
  await createFlowLossJob()(ctx, {
    kind: 'flow-loss',
    checkpoint: parent,
    dataset,
    pictures: 1,
    batch: 8,
    engine: spec,
  });
  const next = await train(ctx, { ...chunk, dataset, parent, from: 2, to: 4 });
  expect(next.outputs.checkpoint).toEqual(whole.outputs.checkpoint);
});
