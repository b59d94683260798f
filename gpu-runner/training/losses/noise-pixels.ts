/** @file The noisy picture that the network sees: z = (1 - t) x0 + t s e (arXiv 2210.02747). */
import { noiseScaleOf } from '../../../configs/noise-level.ts';
import type { ObjectiveConfig } from '../../../configs/objective.ts';
import { add, mul, reshape, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';

/** The noisy picture at time t [batch]. x0 and noise are [batch, 3, height, width]. */
export function noisePixels(x0: Value, noise: Value, t: Value, objective: ObjectiveConfig): Value {
  const time = perPicture(t);
  return add(mul(x0, sub(1, time)), mul(noise, mul(time, scaleOf(x0, objective))));
}

/** Scale of the noise of pictures [batch, 3, height, width]. */
export function scaleOf({ shape }: Value, objective: ObjectiveConfig): number {
  const [, , height = 0, width = 0] = shape;
  return noiseScaleOf(objective, { width, height });
}

/** t [batch] for each pixel of pictures. */
export function perPicture(t: Value): Value {
  return reshape(t, [t.shape[0] ?? 0, 1, 1, 1]);
}
