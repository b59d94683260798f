/**
 * @file The random draws of samples: times, noise, and the signals that each one keeps. The key is the place in the
 * run of the sample, or of its update.
 */
import { keptSignals } from '../../configs/dropout.ts';
import { shiftTime, timeShiftOf } from '../../configs/noise-level.ts';
import type { ObjectiveConfig } from '../../configs/objective.ts';
import type { Seed } from '../../configs/seed.ts';
import { DROPOUT_CATEGORIES, SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import { normalQuantile, permutation, RandomStream } from '../../numerics/random-stream.ts';
import type { PictureSize } from '../model/batch.ts';

/** The signals that a sample keeps, of those that it has. */
export function drawSignals(
  seed: Seed,
  ordinal: number,
  dropout: ObjectiveConfig['cfg_dropout'],
  present: readonly SignalName[] = SIGNAL_NAMES,
): ReadonlySet<SignalName> {
  const u = new RandomStream(seed, 'dropout', ordinal).uniform();
  let threshold = 0;
  const drawn = DROPOUT_CATEGORIES.find(({ key }) => {
    threshold += dropout[key] ?? 0;
    return u < threshold;
  });
  return new Set(keptSignals(drawn, present));
}

/**
 * t in (0, 1) of each sample of an update, in the order of their places: logit-normal, mixed with a uniform share. t =
 * 0 is data. The samples share out the distribution: each has one of `batchSize` equal parts of it, in random order,
 * and all stand at the same place in their parts. So the mean over an update varies less than that of independent
 * draws.
 */
export function drawTimes(seed: Seed, update: number, batchSize: number, objective: ObjectiveConfig): Float32Array {
  const random = new RandomStream(seed, 'time', update);
  const offset = random.uniform();
  return Float32Array.from(permutation(batchSize, random), part => timeAt((part + offset) / batchSize, objective));
}

/** Times of pictures of these sizes, by place: each with the shift of its size. */
export function shiftTimes(
  times: Float32Array,
  sizes: readonly PictureSize[],
  objective: ObjectiveConfig,
): Float32Array {
  return times.map((t, i) => {
    const size = sizes[i];
    const shift = size && timeShiftOf(objective, size);
    return shift === undefined ? t : shiftTime(t, shift);
  });
}

/** The distribution of t at u, uniform in (0, 1). The first part of u makes the uniform share. */
function timeAt(u: number, { uniform_share, logit_normal_mean, logit_normal_std }: ObjectiveConfig): number {
  if (u < uniform_share) return u / uniform_share;
  return logistic(logit_normal_mean + logit_normal_std * normalQuantile((u - uniform_share) / (1 - uniform_share)));
}

/**
 * 1 / (1 + e^-x) from + - x / only, so it rounds equally everywhere. e^-x: halve the argument until the series is
 * short, then square the sum as often.
 */
export function logistic(x: number): number {
  const halvings = 10;
  const small = -x / 2 ** halvings;
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= 8; n++) {
    term *= small / n;
    sum += term;
  }
  for (let i = 0; i < halvings; i++) sum *= sum;
  return 1 / (1 + sum);
}

/** Standard normals for one picture. */
export function drawNoise(seed: Seed, ordinal: number, target: Float32Array): void {
  new RandomStream(seed, 'noise', ordinal).fillNormal(target);
}

/**
 * Adds Gaussian noise to the numbers of a signal of a sample.
 * @param strength Standard deviation, as a share of the root mean square of the numbers.
 */
export function addConditionNoise(
  seed: Seed,
  name: SignalName,
  ordinal: number,
  strength: number,
  numbers: Float32Array,
): void {
  let squares = 0;
  for (const number of numbers) squares += number * number;
  const deviation = strength * Math.sqrt(squares / Math.max(1, numbers.length));
  const noise = new Float32Array(numbers.length);
  new RandomStream(seed, `noise ${name}`, ordinal).fillNormal(noise);
  for (let i = 0; i < numbers.length; i++) numbers[i]! += deviation * noise[i]!;
}
