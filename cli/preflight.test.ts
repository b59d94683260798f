import { expect, test } from 'vitest';
import { preflightSchema } from '../configs/preflight.ts';
import { chooseConfig, formatPreflight } from './commands/preflight.ts';

const GB = 2 ** 30;
const cut = { micro_batch: 16, gradient_checkpointing: false };
const answer = preflightSchema.parse({
  v: 1,
  verdict: 'fits',
  problems: [],
  offers: [],
  device: { engine: 'xla/cuda', precision: 'bf16', name: 'NVIDIA GeForce RTX 4090', memory_bytes: 24 * GB },
  memory: {
    v: 1,
    kind: 'memory-plan',
    basis: 'compiled',
    compiler: '1',
    parameters: 183_123_120,
    device: { memory_bytes: 24 * GB, reserve_bytes: GB },
    plan: cut,
    fits: true,
    peak: {
      training_bytes: 16 * GB,
      state_bytes: 4 * GB,
      checkpoint_bytes: 3 * GB,
      preview_bytes: 5 * GB,
      sampling_bytes: GB,
    },
    flops: { forward: 4e11, sample: 1.2e12, executed: 1.2e12, update: 3e12 },
    tried: [
      { micro_batch: 4, gradient_checkpointing: true, training_bytes: 7 * GB, fits: true },
      { ...cut, training_bytes: 16 * GB, fits: true },
    ],
  },
  work: {
    samples: 1_536_000,
    updates: 6000,
    batch_size: 256,
    image_tokens: 1024,
    flops_per_sample: 1.2e12,
    flops_per_update: 3.1e14,
    total_flops: 1.9e18,
  },
  time: {
    basis: 'stated',
    source: 'NVIDIA GeForce RTX 4090: 165.2 TFLOP/s',
    utilization: 0.45,
    samples_per_second: 61.2,
    seconds_per_update: 4.18,
    hours: 6.97,
    least_hours: 3.14,
  },
  data: { pictures: 10_000, passes: 153.6, bytes_per_picture: 12_000_000 },
  disk: { dataset_bytes: 1.2e11, checkpoint_bytes: 3 * GB, checkpoints: 4, total_bytes: 1.3e11 },
});

test('preflight prints what a training needs, a line for each kind of need', () => {
  expect(formatPreflight(answer).split('\n')).toEqual([
    'fits: xla/cuda, bf16, NVIDIA GeForce RTX 4090, 24.0 GiB',
    'model: 183.1 M parameters',
    'plan: micro_batch 16',
    'memory (compiled): training 16.0 GiB, with previews 5.0 GiB, one sample alone 1.0 GiB',
    'tried: 4 with checkpointing 7.0 GiB, 16 16.0 GiB',
    'work: 6000 updates of 256 samples, 1024 image tokens, 1.20 TFLOP per sample',
    'time (stated at 45 %, NVIDIA GeForce RTX 4090: 165.2 TFLOP/s): 7.0 h, at least 3.1 h, 61.2 samples/s, 4.18 s per update',
    'data: 10000 pictures, each seen 153.6 times',
    'disk: 12.0 MB per picture, 4 checkpoints of 3.22 GB, together 130 GB',
  ]);
});

test('preflight prints problems with their offers, and what it cannot tell', () => {
  const { memory: _, ...rest } = answer;
  const lines = formatPreflight({
    ...rest,
    verdict: 'too large',
    problems: ['the training takes 30.0 GiB, and 23.0 GiB may be used'],
    offers: ['the preset prod-0 is smaller'],
    time: { basis: 'unknown' },
  }).split('\n');
  expect(lines[0]).toMatch(/^too large: /);
  expect(lines.slice(1, 3)).toEqual([
    'problem: the training takes 30.0 GiB, and 23.0 GiB may be used',
    '  offer: the preset prod-0 is smaller',
  ]);
  expect(lines.join('\n')).toContain('time: unknown; train one chunk on this engine, or name a card');
});

test('preflight takes its config as a word or behind --config, but not both', () => {
  expect(chooseConfig('prod-1', undefined)).toBe('prod-1');
  expect(chooseConfig(undefined, 'mine.yaml')).toBe('mine.yaml');
  expect(chooseConfig(undefined, undefined)).toBeUndefined();
  expect(() => chooseConfig('prod-1', 'mine.yaml')).toThrow('two configs, prod-1 and --config mine.yaml');
});
