import { expect, test } from 'vitest';
import { samplingSchema } from '../../configs/sampling.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import type { JobNetwork } from '../protocol.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { createSampleJob } from './sample.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTrainChunkJob } from './train-chunk.ts';

const engine: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const blobs = createBlobStore(createMemoryStore());
const ctx: JobContext = {
  blobs,
  engine: async () => createOnnxRuntimeEngine({ threads: 1 }),
  openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 20 }, onPage),
  progress: () => {},
  breathe: async () => 'continue',
};

test('a config draws by the weights with which its training begins', async () => {
  const config = tinyConfig({ model: { depth: 1, conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } } });
  const { digest: plain } = await putDocument(blobs, config);
  const dataset = await putTinyDataset(blobs, tinyItems(9), { signals: ['text'], validation: [8], removed: [] });
  const plan = { micro_batch: 4, gradient_checkpointing: false };
  const chunk = { kind: 'train-chunk', config: plain, dataset, engine, plan, from: 0, to: 3 } as const;
  const checkpoint = (await createTrainChunkJob()(ctx, chunk)).outputs.checkpoint?.digest ?? plain;
  const further = { ...config, init_from: { checkpoint, weights: 'ema' as const } };
  const { digest: begun } = await putDocument(blobs, further);

  const conditions = (await blobs.put(encodeSafetensors({}))).digest;
  const job = createSampleJob();
  const draw = async (network: JobNetwork) => {
    const settings = {
      ...samplingSchema.parse({ steps: 2, guidance: 1 }),
      width: 16,
      height: 16,
      first: 0,
      noise: [0],
    };
    const { outputs } = await job(ctx, { kind: 'sample', network, conditions, engine, ...settings });
    return outputs.pixels?.digest;
  };
  const trained = await draw({ checkpoint, weights: 'ema' });
  expect(await draw({ config: begun })).toBe(trained);
  expect(await draw({ config: plain })).not.toBe(trained);
});
