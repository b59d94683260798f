import { expect, test } from 'vitest';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { mergeLora } from '../model/lora.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { loadWeights } from './checkpoints.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { createExportJob } from './export.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTrainChunkJob } from './train-chunk.ts';

const engine: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const plan = { micro_batch: 4, gradient_checkpointing: false };
const conditions = { text: { encoder: 'words', dim: 6, tokens: 8 } };
const lora = { rank: 2, alpha: 2 };

const blobs = createBlobStore(createMemoryStore());
const ctx: JobContext = {
  blobs,
  engine: async () => createOnnxRuntimeEngine({ threads: 1 }),
  openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 20 }, onPage),
  progress: () => {},
  breathe: async () => 'continue',
};

async function train(changes: object, to: number, from = 0, parent?: Digest) {
  const config = { ...tinyConfig({ model: { depth: 1, conditions } }), ...changes };
  const dataset = await putTinyDataset(blobs, tinyItems(9), { signals: ['text'], validation: [8], removed: [] });
  const { digest } = await putDocument(blobs, config);
  const job = { kind: 'train-chunk', config: digest, dataset, engine, plan, from, to } as const;
  const { outputs } = await createTrainChunkJob()(ctx, { ...job, ...(parent && { parent }) });
  if (!outputs.checkpoint) throw new Error('the job made no checkpoint');
  return {
    config,
    digest: outputs.checkpoint.digest,
    checkpoint: await readCheckpoint(blobs, outputs.checkpoint.digest),
  };
}

const adapted = (checkpoint: Digest) => ({
  ...tinyConfig({ model: { depth: 1, conditions, lora } }),
  init_from: { checkpoint, weights: 'ema' as const },
});

test('adapters of a trained model: cut anywhere they end in equal bytes, and export as one plain model', async () => {
  const base = await train({}, 3);
  const changes = adapted(base.digest);
  const whole = await train(changes, 4);
  const first = await train(changes, 2);
  const parted = await train(changes, 4, 2, first.digest);
  expect(parted.digest).toBe(whole.digest);

  // What is not trained is stored once for all checkpoints.
  const [, constant] = whole.checkpoint.tensors.model;
  expect(constant).toBe(first.checkpoint.tensors.model[1]);
  expect(whole.checkpoint.tensors.model[0]).not.toBe(first.checkpoint.tensors.model[0]);

  const start = await loadWeights(blobs, base.checkpoint, base.config, 'ema');
  const weights = await loadWeights(blobs, whole.checkpoint, whole.config, 'ema');
  expect(weights['blocks.0.mlp.up']).toEqual(start['blocks.0.mlp.up']);

  const { outputs } = await createExportJob()(ctx, { kind: 'export', checkpoint: whole.digest, weights: 'ema' });
  const file = decodeSafetensors(await blobs.get(outputs.weights?.digest ?? whole.digest));
  const merged = mergeLora(weights, lora);
  expect(Object.keys(file.tensors).sort()).toEqual(Object.keys(start).sort());
  for (const [name, { data }] of Object.entries(file.tensors))
    expect([...data], name).toEqual([...(merged[name]?.data ?? [])]);
  expect(file.metadata).toMatchObject({ 'easel.step': '4', 'easel.weights': 'ema', format: 'pt' });
  expect(JSON.parse(file.metadata['easel.model'] ?? '')).not.toHaveProperty('lora');

  // A training that begins with these weights takes over the merged matrices.
  const further = {
    ...tinyConfig({ model: { depth: 1, conditions } }),
    init_from: { checkpoint: whole.digest, weights: 'ema' as const },
  };
  const { checkpoint, config } = await train(
    { ...further, optimizer: { ...further.optimizer, freeze: ['blocks.*'] } },
    1,
  );
  const raw = await loadWeights(blobs, checkpoint, config, 'raw');
  expect(raw['blocks.0.mlp.up']?.data).toEqual(merged['blocks.0.mlp.up']?.data);
});

test('a config whose init_from names an experiment is refused: it would mean another checkpoint tomorrow', async () => {
  const config = { init_from: { experiment: 'portraits', weights: 'ema' as const } };
  await expect(train(config, 1)).rejects.toThrow('init_from of the config names an experiment');
});
