import { expect, it } from 'vitest';
import type { KeyedConfig } from '../../configs/schema.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import type { TrainingTensors } from './load-state.ts';
import { roughStart } from './testing/rough-start.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type StepReport, Trainer } from './trainer.ts';

const SELF = { weight: 0.5, teacher: 'self', block_index: 0, teacher_block: 1 };
const COLUMN = { weight: 0.5, column: { encoder: 'dct', dim: 3, stride: 4 } };

const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));

const configOf = (repa: object, changes: object = {}) =>
  tinyConfig({ objective: { losses: { repa } }, optimizer: { total_samples: 160, warmup_samples: 8 }, ...changes });

/** Trains in parts of so many steps; each part begins with the state that the one before saved. */
async function train(config: KeyedConfig, parts: readonly number[], microBatch = 4, start?: TrainingTensors) {
  let [progress, tensors] = [EMPTY_PROGRESS, start];
  const reports: StepReport[] = [];
  for (const steps of parts) {
    const trainer = new Trainer(engine, config, tinySource(), microBatch, progress, tensors);
    for (let i = 0; i < steps; i++) reports.push(await trainer.step());
    progress = trainer.progress;
    tensors = await trainer.tensors();
    await trainer.dispose();
  }
  return { reports, tensors };
}

it.each([
  ['self', { ...SELF, until: 0.75, ramp: 0.1 }],
  ['patches', { ...COLUMN, from: 0.1, until: 0.6 }],
])('20 steps with repa by %s are four times 5, bit for bit', async (_, repa) => {
  const config = configOf(repa, { optimizer: { total_samples: 80, warmup_samples: 8 } });
  const whole = await train(config, [20]);
  const parts = await train(config, [5, 5, 5, 5]);
  expect(parts.reports).toEqual(whole.reports);
  expect(parts.tensors).toEqual(whole.tensors);
  expect(whole.reports.filter(report => 'loss/repa' in report).length).toBe(repa.until === 0.75 ? 15 : 10);
});

it('repa behind a route of tokens goes on to the same bits, until all tokens go through all blocks', async () => {
  const tread = { routing_probability: 0.5, first_block: 0, last_block: 0, until: 0.5 };
  const repa = { ...COLUMN, block_index: 0 };
  const config = configOf(repa, { objective: { tread, losses: { repa } }, optimizer: { total_samples: 32 } });
  const [whole, parts] = [await train(config, [8]), await train(config, [3, 5])];
  expect(parts.reports).toEqual(whole.reports);
  expect(parts.tensors).toEqual(whole.tensors);
  expect(whole.reports.every(report => Number.isFinite(report['loss/repa']))).toBe(true);
});

it('micro-batches with repa add up to one batch', async () => {
  const start = await roughStart(configOf(SELF));
  const [whole, split] = [await train(configOf(SELF), [3], 4, start), await train(configOf(SELF), [3], 2, start)];
  for (const [i, report] of whole.reports.entries()) {
    expect(split.reports[i]?.['loss/repa']).toBeCloseTo(report['loss/repa'] ?? Number.NaN, 4);
  }
});

it.each([
  ['self', SELF],
  ['patches', { ...COLUMN, only_dropped: false, loss_type: 'mse' }],
])('training lowers repa by %s', async (_, repa) => {
  const config = configOf(repa, { optimizer: { learning_rate: 1e-2, total_samples: 4000, warmup_samples: 16 } });
  const { reports } = await train(config, [40], 4, await roughStart(config));
  const values = reports.map(report => report['loss/repa'] ?? Number.NaN);
  const mean = (part: readonly number[]) => part.reduce((sum, x) => sum + x, 0) / part.length;
  expect(mean(values.slice(-8))).toBeLessThan(0.9 * mean(values.slice(0, 8)));
});

it('a stored column of another shape than the config says is refused', async () => {
  const config = configOf({ ...COLUMN, column: { encoder: 'dct', dim: 2, stride: 4 } });
  await expect(train(config, [1])).rejects.toThrow('patches of 0000000000000');
});
