/**
 * @file Converts the prediction of the network into the two quantities that solvers and guidance use, velocity and
 * clean picture, and back. z = (1 - t) x + t s e, so dz/dt = (z - x) / t.
 */
import type { PredictionType } from '../../configs/sampling.ts';

/** z and prediction have one shape; so has the result, in f64. t > 0. */
type Convert = (z: Float32Array, prediction: Float32Array, t: number) => Float64Array;

/** The inverse: z and `value` in f64 -> prediction. */
type ConvertBack = (z: Float32Array, value: Float64Array, t: number) => Float32Array;

export interface PredictionRule {
  /** dz/dt. */
  readonly velocity: Convert;
  /** x, the clean picture at the end of the straight line through z. */
  readonly clean: Convert;
  /** The prediction whose velocity is given. */
  readonly ofVelocity: ConvertBack;
  /** The prediction whose clean picture is given. */
  readonly ofClean: ConvertBack;
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
    ofVelocity(z, v, t) {
      const x = new Float32Array(z.length);
      for (let k = 0; k < z.length; k++) x[k] = z[k]! - v[k]! * t;
      return x;
    },
    ofClean: (_z, x) => new Float32Array(x),
  },
  v_prediction: {
    velocity: (_z, v) => new Float64Array(v),
    clean(z, v, t) {
      const clean = new Float64Array(z.length);
      for (let k = 0; k < z.length; k++) clean[k] = z[k]! - v[k]! * t;
      return clean;
    },
    ofVelocity: (_z, v) => new Float32Array(v),
    ofClean(z, x, t) {
      const v = new Float32Array(z.length);
      for (let k = 0; k < z.length; k++) v[k] = (z[k]! - x[k]!) / t;
      return v;
    },
  },
};
