/** @file Flow matching (arXiv 2210.02747): t = 0 data, t = 1 noise, z = (1 - t) x0 + t s e, v = s e - x0. */

import type { ObjectiveConfig } from '../../../configs/objective.ts';
import { broadcast, div, max, min, mul, reduceMean, reshape, square, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { defineLoss, type LossParts } from './loss-term.ts';
import { perPicture, scaleOf } from './noise-pixels.ts';

/** Mean weight of a picture that is black throughout. Its weighed error is 0, too. */
const LEAST_MASK = 1e-6;

/** The clean picture [batch, 3, height, width] that the network predicts. */
export function cleanPicture({ prediction, z, t }: LossParts, { prediction_type: type }: ObjectiveConfig): Value {
  return type === 'x_prediction' ? prediction : sub(z, mul(prediction, perPicture(t)));
}

/**
 * The mean squared error of the velocity (`loss_space: v`) or of the clean picture (x), or that of the picture weighed
 * by min(SNR, gamma). For x-prediction v = (z - x) / t, so the error of the velocity is that of the pixels over
 * max(t, t_clamp)^2 (JiT, arXiv 2511.13720). For v-prediction x = z - t v, so the error of the pixels is t^2 times that
 * of the velocity.
 */
export function flowLoss(
  { prediction, x0, noise, t, mask }: Pick<LossParts, 'prediction' | 'x0' | 'noise' | 't' | 'mask'>,
  objective: ObjectiveConfig,
): Value {
  const scale = scaleOf(x0, objective);
  const errorOf = (target: Value) => meanSquare(sub(prediction, target), mask, objective);
  if (objective.prediction_type === 'v_prediction') {
    return velocityLoss(errorOf(sub(mul(noise, scale), x0)), t, scale, objective);
  }
  return pictureLoss(() => errorOf(x0), t, scale, objective);
}

export const flowMatching = defineLoss({}, (_, { objective }) => ({
  apply: (_params, parts) => flowLoss(parts, objective),
}));

/** @param errorOf Makes the mean squared error of the clean picture, [batch]. */
function pictureLoss(
  errorOf: () => Value,
  t: Value,
  scale: number,
  { loss_space, min_snr_gamma, t_clamp }: ObjectiveConfig,
): Value {
  if (min_snr_gamma !== undefined) {
    // (1 - t)^2 / max(t s, (1 - t) / sqrt(gamma))^2 = min(SNR, gamma), finite at t = 0.
    const [data, least] = [sub(1, t), 1 / Math.sqrt(min_snr_gamma)];
    return mul(errorOf(), square(div(data, max(mul(t, scale), mul(data, least)))));
  }
  if (loss_space === 'x') return errorOf();
  const clamped = max(t, broadcast(t.builder.constant([t_clamp], []), t.shape));
  return div(errorOf(), mul(clamped, clamped));
}

/** @param error Mean squared error of the velocity, [batch]. */
function velocityLoss(error: Value, t: Value, scale: number, { loss_space, min_snr_gamma }: ObjectiveConfig): Value {
  if (min_snr_gamma !== undefined) {
    // t^2 min(SNR, gamma)
    return mul(error, min(square(div(sub(1, t), scale)), mul(square(t), min_snr_gamma)));
  }
  return loss_space === 'x' ? mul(error, square(t)) : error;
}

/** The mean of the squares of each picture, each pixel with its weight: see `objective.mask`. */
function meanSquare(x: Value, mask: Value | undefined, { mask: options }: ObjectiveConfig): Value {
  const mean = (value: Value) => reshape(reduceMean(value, [1, 2, 3]), [x.shape[0] ?? 0]);
  if (mask === undefined) return mean(mul(x, x));
  const weighed = mean(mul(mul(x, x), mask));
  return options?.normalize ? div(weighed, max(mean(mask), LEAST_MASK)) : weighed;
}
