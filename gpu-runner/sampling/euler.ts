/** @file Euler's method for dz/dt = v from t = 1 (noise) to t = 0 (data), with classifier-free guidance (arXiv 2207.12598). */
import type { ObjectiveConfig } from '../../configs/schema.ts';

/** Prediction of the network for z at time t. */
export type Predict = (z: Float32Array, t: number) => Promise<Float32Array>;

export interface EulerOptions {
  readonly steps: number;
  /** 1: off, and the unconditional branch is never run. */
  readonly guidance: number;
  readonly predictionType: ObjectiveConfig['prediction_type'];
  /** Called after every step; lets other work in, or stops by throwing. */
  readonly onStep?: (done: number) => Promise<void>;
}

/**
 * Turns z, noise scaled by noise_scale, into the clean picture, in place. The times are i / steps; the divisor t is never clamped, so an exact
 * predictor leaves no noise behind.
 */
export async function integrateEuler(
  z: Float32Array,
  conditional: Predict,
  unconditional: Predict,
  options: EulerOptions,
): Promise<Float32Array> {
  const { steps, guidance } = options;
  for (let i = 0; i < steps; i++) {
    const t = (steps - i) / steps;
    const dt = (steps - i - 1) / steps - t;
    const prediction = await conditional(z, t);
    if (guidance !== 1) {
      const base = await unconditional(z, t);
      for (let k = 0; k < prediction.length; k++) prediction[k] = base[k]! + guidance * (prediction[k]! - base[k]!);
    }
    if (options.predictionType === 'v_prediction') {
      for (let k = 0; k < z.length; k++) z[k] = z[k]! + prediction[k]! * dt;
    } else if (i === steps - 1) {
      z.set(prediction);
    } else {
      // v = (z - x) / t.
      for (let k = 0; k < z.length; k++) z[k] = z[k]! + ((z[k]! - prediction[k]!) / t) * dt;
    }
    await options.onStep?.(i + 1);
  }
  return z;
}
