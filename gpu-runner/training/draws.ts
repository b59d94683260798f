/**
 * @file The random draws of one sample: time, noise, and the signals that it keeps. The key is the sample's place in
 * the run.
 */
import type { ObjectiveConfig } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import { DROPOUT_CATEGORIES, SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import { RandomStream } from '../model/random.ts';

const ALL: ReadonlySet<SignalName> = new Set(SIGNAL_NAMES);

/** The signals that a sample keeps. */
export function drawSignals(
  seed: Seed,
  ordinal: number,
  dropout: ObjectiveConfig['cfg_dropout'],
): ReadonlySet<SignalName> {
  const u = new RandomStream(seed, 'dropout', ordinal).uniform();
  let threshold = 0;
  for (const { key, keeps } of DROPOUT_CATEGORIES) {
    threshold += dropout[key] ?? 0;
    if (u < threshold) return new Set(keeps);
  }
  return ALL;
}

/** t in (0, 1): logit-normal, mixed with a uniform share. t = 0 is data. */
export function drawTime(seed: Seed, ordinal: number, objective: ObjectiveConfig): number {
  const random = new RandomStream(seed, 'time', ordinal);
  const [choice, uniform, normal] = [random.uniform(), random.uniform(), random.normal()];
  if (choice < objective.uniform_share) return uniform;
  return logistic(objective.logit_normal_mean + objective.logit_normal_std * normal);
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
