import { expect, test } from 'vitest';
import { conditionDropoutSchema } from '../../configs/objective.ts';
import { DROPOUT_CATEGORIES } from '../../configs/signals.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import type { TrainingTensors } from './load-state.ts';
import { createMemorySource, type TrainingItem } from './source.ts';
import { tinyConfig, tinyItems, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type Progress, type StepReport, Trainer } from './trainer.ts';

const NAME = 'blocks.0.mlp.up';
const config = tinyConfig({ model: { depth: 1 }, optimizer: { total_samples: 400 } });

const NO_DROPOUT = Object.fromEntries(DROPOUT_CATEGORIES.map(({ key }) => [key, 0]));

/** An engine that adds 9e14 to a gradient whenever a test says so. The norm is finite. */
function openExploding() {
  const inner = createOnnxRuntimeEngine({ threads: 1 });
  const fault = { isOn: false };
  const engine = wrapRuns(inner, run => async (state, inputs) => {
    const outputs = await run(state, inputs);
    if ('loss' in outputs && fault.isOn) {
      state.set({ [`grad.${NAME}`]: tensorOf([16, 48], [9e14, ...new Array(767).fill(0)]) });
    }
    return outputs;
  });
  const open = (progress: Progress = EMPTY_PROGRESS, tensors?: TrainingTensors, keyed = config) =>
    new Trainer(engine, keyed, tinySource(), 4, progress, tensors);
  return { open, fault };
}

async function take(trainer: Trainer, steps: number): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  for (let i = 0; i < steps; i++) reports.push(await trainer.step());
  return reports;
}

/** The weights, moments and averages, without the memory of norms. */
function weightsOf({ optimizer: { recent_norms: _, ...optimizer }, ...others }: TrainingTensors) {
  return { ...others, optimizer };
}

test('an update whose gradient explodes is skipped and changes no weight, moment or average', async () => {
  const { open, fault } = openExploding();
  const trainer = open();
  const usual = await take(trainer, 20);
  expect(usual.every(({ skipped }) => !skipped)).toBe(true);
  const before = await trainer.tensors();
  fault.isOn = true;
  const [report] = await take(trainer, 1);
  expect(report).toMatchObject({ skipped: true, step: 21, samples: 84 });
  expect(report?.grad_norm).toBeCloseTo(9e14, -8);
  expect(report?.reason).toMatch(/^the gradient is too large: its norm is 9\.00e\+14, the median of the last /);
  expect(report?.reason).toContain(`most of all of ${NAME},`);
  expect(report?.suspects).toHaveLength(4);
  expect(weightsOf(await trainer.tensors())).toEqual(weightsOf(before));
  fault.isOn = false;
  expect((await take(trainer, 1))[0]?.skipped).toBe(false);
  await trainer.dispose();
});

test('skip_above decides what explodes', async () => {
  const { open } = openExploding();
  const strict = { ...config, optimizer: { ...config.optimizer, skip_above: 1.01 } };
  const trainer = open(undefined, undefined, strict);
  const reports = await take(trainer, 40);
  await trainer.dispose();
  expect(reports.slice(0, 16).some(({ skipped }) => skipped)).toBe(false);
  expect(reports.some(({ skipped }) => skipped)).toBe(true);
});

test('a skipped update names the picture whose loss is not finite', async () => {
  const items = tinyItems(8).map((item, i) => (i === 5 ? broken(item) : item));
  const whole = {
    ...config,
    objective: { ...config.objective, cfg_dropout: conditionDropoutSchema.parse(NO_DROPOUT) },
  };
  const trainer = new Trainer(
    createOnnxRuntimeEngine({ threads: 1 }),
    whole,
    createMemorySource(items),
    2,
    EMPTY_PROGRESS,
  );
  const skipped = (await take(trainer, 2)).filter(report => report.skipped);
  await trainer.dispose();
  expect(skipped.map(({ suspects }) => suspects)).toEqual([[items[5]?.id]]);
});

/** A picture whose text is not a number. */
function broken(item: TrainingItem): TrainingItem {
  const text = { rows: 1, data: new Float32Array(6).fill(Number.NaN) };
  return { ...item, signals: { ...item.signals, text } };
}

test('a training that goes on from a checkpoint skips the same updates, and ends in the same bits', async () => {
  const { open, fault } = openExploding();
  const whole = open();
  await take(whole, 18);
  const [saved, progress] = [await whole.tensors(), whole.progress];
  fault.isOn = true;
  const expected = await take(whole, 1);
  expect(expected[0]?.skipped).toBe(true);
  const rest = open(progress, saved);
  expect(await take(rest, 1)).toEqual(expected);
  fault.isOn = false;
  expect(await take(rest, 2)).toEqual(await take(whole, 2));
  expect(await rest.tensors()).toEqual(await whole.tensors());
  await Promise.all([whole.dispose(), rest.dispose()]);
});

test('a checkpoint of an earlier version, without norms, goes on and remembers them from there', async () => {
  const { open, fault } = openExploding();
  const trainer = open();
  await take(trainer, 18);
  const { recent_norms: _, ...optimizer } = (await trainer.tensors()).optimizer;
  const rest = open(trainer.progress, { ...(await trainer.tensors()), optimizer });
  fault.isOn = true;
  expect((await take(rest, 1))[0]?.skipped).toBe(false);
  const norms = [...((await rest.tensors()).optimizer.recent_norms?.data ?? [])];
  expect(norms.filter(norm => norm >= 0)).toHaveLength(1);
  await Promise.all([trainer.dispose(), rest.dispose()]);
});
