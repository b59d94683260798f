import { expect, it } from 'vitest';
import { forwardFlops, leastTrainingBytes, mostTrainingBytes } from '../../configs/model-size.ts';
import { loadPreset } from '../../configs/presets.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { keyedConfigSchema } from '../../configs/schema.ts';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import { countFlops } from '../compiler/flops.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { planMemory } from './plan-memory.ts';
import { openPlanner } from './planners.ts';
import { bytesBeside, type Frame, openPrograms } from './programs.ts';

async function presetConfig(name: string): Promise<{ config: KeyedConfig; frame: Frame }> {
  const { run: _, model, ...sections } = await loadPreset(name);
  const config = keyedConfigSchema.parse({ ...sections, model: { ...model, conditions: SEED_CONDITIONS } });
  const { width = 64, height = 64 } = config.data.image_size ?? {};
  return { config, frame: { width, height, textTokens: 512 } };
}

it.each(['prod-1', 'seed-384'])(
  'the work of %s by formula is that of its graph, but for embeddings and head',
  async name => {
    const { config, frame } = await presetConfig(name);
    const counted = countFlops(openPrograms(config, frame, { precision: 'bf16' }).predict(1));
    expect(forwardFlops(config.model, frame) / counted).toBeGreaterThan(0.9);
    expect(forwardFlops(config.model, frame) / counted).toBeLessThanOrEqual(1);
  },
);

const TINY = { width: 16, height: 16, textTokens: 8 };
const SMALL = { width: 64, height: 64, textTokens: 32 };
const wordsAndDct = {
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64 },
  patches: { encoder: 'dct', dim: 27, stride: 8 },
};
const CASES: readonly [string, KeyedConfig, Frame][] = [
  ['the tiny network of tests', tinyConfig(), TINY],
  ['tiny-b', keyedConfigSchema.parse({ model: { conditions: wordsAndDct } }), SMALL],
  [
    'tiny-b with cross-attention',
    keyedConfigSchema.parse({ model: { arch: 'cross', conditions: wordsAndDct } }),
    SMALL,
  ],
];

it.each(CASES)('the bounds of %s hold on every engine whose memory is predicted', async (_, config, frame) => {
  const micro = config.data.batch_size;
  for (const name of ['onnxruntime/cpu', 'openvino/cpu'] as const) {
    const planner = await openPlanner(name, { precision: 'f32' });
    const request = { config, frame, previews: 1, memoryBytes: 2 ** 40, reserveBytes: 0, largestMicroBatch: micro };
    const { peak } = await planMemory({ ...request, asked: { micro_batch: micro } }, planner, name);
    expect(peak.training_bytes, name).toBeLessThan(mostTrainingBytes(config, frame, micro));
    expect(peak.training_bytes, name).toBeGreaterThan(leastTrainingBytes(config, frame));
  }
});

it.each([false, true])('the bounds of prod-1 hold on a CPU, gradient checkpointing %s', async checkpointing => {
  const { config, frame } = await presetConfig('prod-1');
  const planner = await openPlanner('openvino/cpu', { precision: 'f32' });
  const programs = openPrograms(config, frame, planner);
  const graph = programs.gradient({ micro_batch: 1, gradient_checkpointing: checkpointing });
  const peak = (await planner.plan(graph)).peakBytes + bytesBeside(graph, programs.state, planner.buffersPerState);
  expect(peak).toBeLessThan(mostTrainingBytes(config, frame, 1));
  expect(peak).toBeGreaterThan(leastTrainingBytes(config, frame));
});
