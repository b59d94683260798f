/** @file Flow matching (arXiv 2210.02747): t = 0 data, t = 1 noise, z = (1 - t) x0 + t s e, v = s e - x0. */

import type { ObjectiveConfig } from '../../../configs/schema.ts';
import { add, broadcast, div, max, mul, reduceMean, reshape, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { defineLoss } from './loss-term.ts';

/** The noisy picture at time t [batch]. x0 and noise are [batch, 3, height, width]. */
export function noisePixels(x0: Value, noise: Value, t: Value, objective: ObjectiveConfig): Value {
  const time = reshape(t, [t.shape[0] ?? 0, 1, 1, 1]);
  return add(mul(x0, sub(1, time)), mul(noise, mul(time, objective.noise_scale)));
}

/**
 * The mean squared error of the velocity. For x-prediction v = (z - x) / t, so the loss is the mean squared error of
 * the pixels over max(t, t_clamp)^2 (JiT, arXiv 2511.13720).
 */
export const flowMatching = defineLoss({}, (_, { objective }) => ({
  apply(_params, { prediction, x0, noise, t }) {
    if (objective.prediction_type === 'v_prediction') {
      return meanSquare(sub(prediction, sub(mul(noise, objective.noise_scale), x0)));
    }
    const clamped = max(t, broadcast(t.builder.constant([objective.t_clamp], []), t.shape));
    return div(meanSquare(sub(prediction, x0)), mul(clamped, clamped));
  },
}));

function meanSquare(x: Value): Value {
  return reshape(reduceMean(mul(x, x), [1, 2, 3]), [x.shape[0] ?? 0]);
}
