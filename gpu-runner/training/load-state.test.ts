import { expect, test } from 'vitest';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from './trainer.ts';

async function initialWeights(conditions: object) {
  const trainer = new Trainer(
    createReferenceEngine(),
    tinyConfig({ model: { conditions } }),
    tinySource(),
    4,
    EMPTY_PROGRESS,
  );
  const { model } = await trainer.tensors();
  await trainer.dispose();
  return model;
}

test('the initial numbers of a parameter do not depend on the other parameters of the model', async () => {
  const pose = { joints: 133 };
  const text = { encoder: 'words', dim: 6, tokens: 8 };
  const [alone, both] = [await initialWeights({ pose }), await initialWeights({ text, pose })];
  expect(Object.keys(both).length).toBeGreaterThan(Object.keys(alone).length);
  expect(new Set(alone['pose.proj']?.data).size).toBeGreaterThan(100);
  for (const [name, { data }] of Object.entries(alone)) expect(data, name).toEqual(both[name]?.data);
});

test('two parameters of one shape start from different numbers', async () => {
  const weights = await initialWeights({});
  expect(weights['blocks.0.attn.q']?.data).not.toEqual(weights['blocks.0.attn.k']?.data);
  expect(weights['blocks.0.attn.q']?.data).not.toEqual(weights['blocks.1.attn.q']?.data);
});
