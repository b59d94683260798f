/**
 * @file Converts the prediction of the network into the two quantities that solvers use: velocity and clean picture.
 * z = (1 - t) x + t s e, so dz/dt = (z - x) / t.
 */
import type { PredictionType } from '../../configs/sampling.ts';

/** Both functions convert one element in f64, at a time t > 0. */
export interface PredictionRule {
  /** dz/dt. */
  velocity(z: number, prediction: number, t: number): number;
  /** x, the clean picture at the end of the straight line through z. */
  clean(z: number, prediction: number, t: number): number;
}

export const PREDICTIONS: Readonly<Record<PredictionType, PredictionRule>> = {
  x_prediction: {
    velocity: (z, x, t) => (z - x) / t,
    clean: (_z, x) => x,
  },
  v_prediction: {
    velocity: (_z, v) => v,
    clean: (z, v, t) => z - v * t,
  },
};
