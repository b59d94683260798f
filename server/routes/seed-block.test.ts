import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { putToyDataset } from '../../functions/testing/training.ts';
import { createApp } from '../app.ts';
import { createTrainingServer, type TrainingServer } from '../testing/training.ts';

const BLOCK = readFileSync(new URL('../../configs/seed-block/block.yaml', import.meta.url), 'utf8');
/** Small enough for the memory that a test has. */
const SMALL = BLOCK.replace('hidden_size: 768', 'hidden_size: 384').replace('num_heads: 12', 'num_heads: 6');

let server: TrainingServer;

beforeEach(async () => {
  server = await createTrainingServer();
});

async function putYaml(path: string, text: string, type = 'text/yaml') {
  const request = { method: 'PUT', body: text, headers: { 'content-type': type, accept: 'application/json' } };
  const response = await createApp(server.deps).request(path, request);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
  return { status: response.status, body: (await response.json()) as any };
}

test('the block of the original project at 1 megapixel is refused with figures, and patches of 16 are offered', async () => {
  const dataset = await putToyDataset(server.blobs, { count: 1, side: 1024, stride: 16 });
  const { status, body } = await putYaml(`/experiments/plan?dataset=${dataset}`, BLOCK);
  expect(status).toBe(422);
  expect({ detail: body.detail, expected: body.expected, hint: body.hint }).toMatchInlineSnapshot(`
    {
      "detail": "patches of 2 pixels in pictures of 1024 x 1024 are 262,144 tokens, at least 9.2 GiB, 4,030 TFLOP per sample, 2.6 years on an RTX 4090",
      "expected": "at most 16,384 tokens, and patches above 2 pixels for pictures above 64 pixels",
      "hint": "model.patch_size 16: 4,096 tokens, at least 2.5 GiB, 5.06 TFLOP per sample, 29 hours on an RTX 4090",
    }
  `);
  const offered = BLOCK.replace('patch_size: 2', 'patch_size: 16');
  const taken = await putYaml(`/experiments/plan?dataset=${dataset}`, offered);
  expect(taken.status).toBe(201);
  expect(taken.body.effective_config.data.image_size).toEqual({ width: 1024, height: 1024 });
});

test('the block of the original project is accepted as text, and the answer shows the translated config', async () => {
  const { status, body } = await putYaml(`/experiments/plan?dataset=${server.dataset}`, SMALL);
  expect(status).toBe(201);
  expect(body).toMatchObject({
    target: 6000 * 256,
    plan: { micro_batch: 1, gradient_checkpointing: true },
    effective_config: { model: { arch: 'cross', hidden_size: 384, patch_size: 2 }, optimizer: { schedule: 'cosine' } },
    translated: { config: { preset: { recipe: 'seed', size: 'seed-384' } } },
  });
  expect(body.translated.mapped).toContainEqual({
    from: 'training.total_steps',
    value: 6000,
    to: { 'optimizer.total_samples': 1_536_000 },
    why: '6,000 updates of 256 samples',
  });
  expect(body.translated.ignored).toContainEqual({
    from: 'training.mixed_precision',
    value: 'bfloat16',
    reason: 'engine.precision is f32 on reference',
  });
  expect((await putYaml(`/experiments/plan?dataset=${server.dataset}`, SMALL, 'application/yaml')).status).toBe(200);
  const json = { config: SMALL.replace(/^ +/gm, ''), dataset: server.dataset };
  await server.expectJson(200, 'PUT', '/experiments/plan', json);
});

test('a body in YAML may be a config of Easel; another media type and an unknown key of the query are refused', async () => {
  const config = 'preset: { recipe: best, size: tiny-a }\nmodel: { patch_size: 8 } # as large as the features\n';
  const path = `/experiments/mine?dataset=${server.dataset}`;
  expect((await putYaml(path, config)).status).toBe(201);
  expect((await putYaml(path, config, 'text/plain')).status).toBe(415);
  expect((await putYaml(`${path}&size=3`, config)).body.detail).toContain('unknown key "size"');
  expect((await putYaml('/experiments/mine', config)).status).toBe(400);
  const train = createApp(server.deps).request('/experiments/mine/train', {
    ...{ method: 'POST', body: config, headers: { 'content-type': 'text/yaml' } },
  });
  expect((await train).status).toBe(415);
});
