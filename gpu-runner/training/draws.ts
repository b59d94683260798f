/** @file What is drawn for one sample: time, noise, and which signals are kept. Keyed by the sample's ordinal in the whole run. */
import type { ObjectiveConfig } from '../../configs/schema.ts';
import { RandomStream } from '../model/random.ts';

export interface SignalMask {
  readonly text: boolean;
  readonly cls: boolean;
  readonly patches: boolean;
  readonly pose: boolean;
}

const ALL: SignalMask = { text: true, cls: true, patches: true, pose: true };
const NONE: SignalMask = { text: false, cls: false, patches: false, pose: false };

/** The seed's mutually exclusive categories, in its order. */
export function drawSignals(seed: number, ordinal: number, dropout: ObjectiveConfig['cfg_dropout']): SignalMask {
  const categories: readonly (readonly [number, SignalMask])[] = [
    [dropout.p_uncond, NONE],
    [dropout.p_text_only, { ...NONE, text: true }],
    [dropout.p_dino_cls_only, { ...NONE, cls: true }],
    [dropout.p_dino_patches_only, { ...NONE, patches: true }],
    [dropout.p_drop_pose, { ...ALL, pose: false }],
    [dropout.p_pose_only, { ...NONE, pose: true }],
  ];
  const u = new RandomStream(seed, 'dropout', ordinal).uniform();
  let threshold = 0;
  for (const [probability, mask] of categories) {
    threshold += probability;
    if (u < threshold) return mask;
  }
  return ALL;
}

/** t in (0, 1): logit-normal, mixed with a uniform share. t = 0 is data. */
export function drawTime(seed: number, ordinal: number, objective: ObjectiveConfig): number {
  const random = new RandomStream(seed, 'time', ordinal);
  const [choice, uniform, normal] = [random.uniform(), random.uniform(), random.normal()];
  if (choice < objective.uniform_share) return uniform;
  return logistic(objective.logit_normal_mean + objective.logit_normal_std * normal);
}

/**
 * 1 / (1 + e^-x) from + - x / alone, so that it rounds equally everywhere: e^-x by halving the argument until the series is short, then squaring.
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
export function drawNoise(seed: number, ordinal: number, target: Float32Array): void {
  new RandomStream(seed, 'noise', ordinal).fillNormal(target);
}
