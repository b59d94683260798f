import { expect, test } from 'vitest';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { parseConfig } from '../../configs/parse.ts';
import { forecastTime, forecastWork } from './forecast.ts';
import { stepWork } from './step-work.ts';

const config = parseConfig({
  model: { conditions: { text: { encoder: 'words', dim: 192, tokens: 64 } } },
  data: { batch_size: 8, image_size: { width: 64, height: 64 } },
  optimizer: { total_samples: 80, warmup_samples: 0 },
});

const plan = (scale: number): MemoryPlan => ({
  v: 1,
  kind: 'memory-plan',
  basis: 'predicted',
  compiler: '1',
  parameters: 1,
  device: { memory_bytes: 1, reserve_bytes: 0 },
  plan: { micro_batch: 4, gradient_checkpointing: false },
  fits: true,
  peak: { training_bytes: 1, state_bytes: 1, checkpoint_bytes: 1, preview_bytes: 1, sampling_bytes: 1 },
  flops: { forward: 1, sample: 3, executed: 3 * scale, update: 16 * scale },
  moved: { micro_batch: 10, update: 5 },
  tried: [],
});

test('the work of an update counts each sample, each micro-batch and the optimizer', () => {
  expect(stepWork(config, plan(1))).toEqual({ flops: 8 * 3 + 16, movedBytes: 2 * 10 + 5 });
});

test('a training is timed by its products and by what else it moves', () => {
  // 0.4 s of 1 s are products.
  const step = { ...stepWork(config, plan(1)), seconds: 1, productFlopsPerSecond: 100 };
  const time = forecastTime(config, forecastWork(config, plan(10)), {
    utilization: 1,
    measured: { experiment: 'small', step },
  });
  expect(time).toMatchObject({ basis: 'measured', source: 'the experiment small' });
  expect(time.seconds_per_update).toBeCloseTo(4 + 0.6, 10);
  expect(time.hours).toBeCloseTo((10 * 4.6) / 3600, 10);
});

test('phases of smaller pictures take less time', () => {
  const resolution_schedule = [{ until_step: 5, scale: 0.5 }];
  const phased = parseConfig({ ...config, data: { ...config.data, resolution_schedule } });
  const step = { ...stepWork(config, plan(1)), seconds: 1, productFlopsPerSecond: 100 };
  const speed = { utilization: 1, measured: { experiment: 'small', step } };
  const hoursOf = (each: typeof config) => forecastTime(each, forecastWork(each, plan(1)), speed).hours ?? 0;
  expect(hoursOf(phased)).toBeLessThan(0.9 * hoursOf(config));
});
