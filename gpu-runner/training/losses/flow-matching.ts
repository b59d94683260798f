/** @file Flow matching (arXiv 2210.02747): t = 0 data, t = 1 noise, z = (1 - t) x0 + t s e, v = s e - x0. */

import { noiseScaleOf } from '../../../configs/noise-level.ts';
import type { ObjectiveConfig } from '../../../configs/objective.ts';
import { add, broadcast, div, max, min, mul, reduceMean, reshape, square, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { defineLoss, type LossParts } from './loss-term.ts';

/** The noisy picture at time t [batch]. x0 and noise are [batch, 3, height, width]. */
export function noisePixels(x0: Value, noise: Value, t: Value, objective: ObjectiveConfig): Value {
  const time = perPicture(t);
  return add(mul(x0, sub(1, time)), mul(noise, mul(time, scaleOf(x0, objective))));
}

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
  { prediction, x0, noise, t }: Pick<LossParts, 'prediction' | 'x0' | 'noise' | 't'>,
  objective: ObjectiveConfig,
): Value {
  const scale = scaleOf(x0, objective);
  if (objective.prediction_type === 'v_prediction') {
    return velocityLoss(prediction, sub(mul(noise, scale), x0), t, scale, objective);
  }
  return pictureLoss(prediction, x0, t, scale, objective);
}

export const flowMatching = defineLoss({}, (_, { objective }) => ({
  apply: (_params, parts) => flowLoss(parts, objective),
}));

function pictureLoss(
  prediction: Value,
  x0: Value,
  t: Value,
  scale: number,
  { loss_space, min_snr_gamma, t_clamp }: ObjectiveConfig,
): Value {
  if (min_snr_gamma !== undefined) {
    // (1 - t)^2 / max(t s, (1 - t) / sqrt(gamma))^2 = min(SNR, gamma), finite at t = 0.
    const [data, least] = [sub(1, t), 1 / Math.sqrt(min_snr_gamma)];
    return mul(meanSquare(sub(prediction, x0)), square(div(data, max(mul(t, scale), mul(data, least)))));
  }
  if (loss_space === 'x') return meanSquare(sub(prediction, x0));
  const clamped = max(t, broadcast(t.builder.constant([t_clamp], []), t.shape));
  return div(meanSquare(sub(prediction, x0)), mul(clamped, clamped));
}

function velocityLoss(
  prediction: Value,
  velocity: Value,
  t: Value,
  scale: number,
  { loss_space, min_snr_gamma }: ObjectiveConfig,
): Value {
  const error = meanSquare(sub(prediction, velocity));
  if (min_snr_gamma !== undefined) {
    // t^2 min(SNR, gamma)
    return mul(error, min(square(div(sub(1, t), scale)), mul(square(t), min_snr_gamma)));
  }
  return loss_space === 'x' ? mul(error, square(t)) : error;
}

/** Scale of the noise of pictures [batch, 3, height, width]. */
function scaleOf({ shape }: Value, objective: ObjectiveConfig): number {
  const [, , height = 0, width = 0] = shape;
  return noiseScaleOf(objective, { width, height });
}

function perPicture(t: Value): Value {
  return reshape(t, [t.shape[0] ?? 0, 1, 1, 1]);
}

function meanSquare(x: Value): Value {
  return reshape(reduceMean(mul(x, x), [1, 2, 3]), [x.shape[0] ?? 0]);
}
