/**
 * @file Converts the prediction of the network into the two quantities that solvers use: velocity and clean picture.
 * z = (1 - t) x + t s e, so dz/dt = (z - x) / t.
 */
import type { PredictionType } from '../../configs/sampling.ts';

/** z and prediction have one shape; so has the result, in f64. t > 0. */
type Convert = (z: Float32Array, prediction: Float32Array, t: number) => Float64Array;

export interface PredictionRule {
  /** dz/dt. */
  readonly velocity: Convert;
  /** x, the clean picture at the end of the straight line through z. */
  readonly clean: Convert;
}

// Each conversion has its own loop: one loop that calls a function per element takes ten times as long.
export const PREDICTIONS: Readonly<Record<PredictionType, PredictionRule>> = {
  x_prediction: {
    velocity(z, x, t) {
      const velocity = new Float64Array(z.length);
      for (let k = 0; k < z.length; k++) velocity[k] = (z[k]! - x[k]!) / t;
      return velocity;
    },
    clean: (_z, x) => new Float64Array(x),
  },
  v_prediction: {
    velocity: (_z, v) => new Float64Array(v),
    clean(z, v, t) {
      const clean = new Float64Array(z.length);
      for (let k = 0; k < z.length; k++) clean[k] = z[k]! - v[k]! * t;
      return clean;
    },
  },
};
