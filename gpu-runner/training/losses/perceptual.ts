/** @file What losses share that look at the predicted picture with a frozen net. */
import { shrinkFactor } from '../../../configs/perceptual.ts';
import { and, lessEqual, select } from '../../compiler/functions.ts';
import { avgPool } from '../../compiler/pooling.ts';
import type { Value } from '../../compiler/trace.ts';

/** Times that count: from much noise a network predicts the mean of many pictures, which is no picture itself. */
export interface TimeLimits {
  readonly t_min: number;
  readonly t_max: number;
}

/** The loss of the samples whose t lies within the limits, 0 for the others. Both are [batch]. */
export function withinTimes(loss: Value, t: Value, { t_min, t_max }: TimeLimits): Value {
  return select(and(lessEqual(t_min, t), lessEqual(t, t_max)), loss, 0);
}

/** Pictures [batch, 3, height, width], smaller by the least whole factor at which no side is longer than `maxSide`. */
export function shrink(picture: Value, maxSide: number): Value {
  const [, , height = 0, width = 0] = picture.shape;
  const factor = shrinkFactor({ width, height }, maxSide);
  return factor === 1 ? picture : avgPool(picture, { kernel: factor });
}
