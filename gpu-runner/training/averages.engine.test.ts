import { expect, test } from 'vitest';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Tensor } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import type { TrainingTensors } from './load-state.ts';
import { roughStart } from './testing/rough-start.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type Progress, Trainer } from './trainer.ts';

const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));
const STEPS = 12;
const GAMMAS = [6.94, 16.97];
const DECAYS = [{ decay: 0.999 }, { decay: 0.9999, warmup_steps: 5 }];
const config = tinyConfig({ model: { depth: 1 }, optimizer: { ema_gammas: GAMMAS, ema_decays: DECAYS } });

function open(progress: Progress = EMPTY_PROGRESS, tensors?: TrainingTensors, keyed: KeyedConfig = config) {
  return new Trainer(engine, keyed, tinySource(), 4, progress, tensors);
}

/** The share of the weights of each step in a power average over `steps` updates: the integral of its profile. */
const powerShares = (steps: number, gamma: number) =>
  Array.from({ length: steps }, (_, i) => ((i + 1) / steps) ** (gamma + 1) - (i / steps) ** (gamma + 1));

/** The share of the initial weights, and of the weights of each step, in an average of these decays. */
function decayShares(decays: readonly number[]): number[] {
  const after = (step: number) => decays.slice(step).reduce((product, decay) => product * decay, 1);
  return [after(0), ...decays.map((decay, i) => (1 - decay) * after(i + 1))];
}

const SHARES = [
  ...GAMMAS.map(gamma => [0, ...powerShares(STEPS, gamma)]),
  decayShares(new Array(STEPS).fill(0.999)),
  // d = k / 5 of the decay, where k counts the updates behind.
  decayShares(Array.from({ length: STEPS }, (_, k) => 0.9999 * Math.min(1, k / 5))),
];

test('averages of four kinds are those of all weights, taken directly', async () => {
  const trainer = open();
  const weights: TrainingTensors['model'][] = [(await trainer.tensors()).model];
  for (let step = 0; step < STEPS; step++) {
    await trainer.step();
    weights.push((await trainer.tensors()).model);
  }
  const { ema } = await trainer.tensors();
  await trainer.dispose();
  for (const [average, shares] of SHARES.entries()) {
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    for (const [name, { data }] of Object.entries(weights[0] ?? {})) {
      const direct = Array.from(data, (_, i) =>
        shares.reduce((sum, share, step) => sum + share * valueAt(weights[step]?.[name], i), 0),
      );
      const kept = ema[`${average}.${name}`];
      const error = Math.max(...direct.map((x, i) => Math.abs(x - valueAt(kept, i))));
      expect(error, `${average} ${name}`).toBeLessThan(2e-6 * Math.max(1, ...direct.map(Math.abs)));
    }
  }
});

const valueAt = (tensor: Tensor | undefined, i: number) => tensor?.data[i] ?? Number.NaN;

test('a training with decay on all, Muon on all of two axes and four averages goes on to the same bits', async () => {
  const keyed = tinyConfig({
    optimizer: {
      ...config.optimizer,
      muon: { groups: 'all_2d', adjust_lr_fn: 'original' },
      adamw: { learning_rate: 1e-3 },
      weight_decay: 0.03,
      weight_decay_on: 'all',
      skip_above: 5,
    },
  });
  const start = await roughStart(keyed);
  const whole = open(EMPTY_PROGRESS, start, keyed);
  for (let i = 0; i < 6; i++) await whole.step();
  const first = open(EMPTY_PROGRESS, start, keyed);
  for (let i = 0; i < 3; i++) await first.step();
  const rest = open(first.progress, await first.tensors(), keyed);
  for (let i = 0; i < 3; i++) await rest.step();
  expect(await rest.tensors()).toEqual(await whole.tensors());
  await Promise.all([whole.dispose(), first.dispose(), rest.dispose()]);
});
