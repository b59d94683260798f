/** @file Guidance: leads the prediction of the network towards the condition. */
import type { GuidanceName, Sampling } from '../../configs/sampling.ts';
import type { PredictionRule } from './predictions.ts';

/** Runs the network on z [n pictures] at time t. The prediction has the shape of z and belongs to the caller. */
export type Predict = (z: Float32Array, t: number) => Promise<Float32Array>;

/** A step of a solver: from a time to a smaller time. */
export interface StepTimes {
  readonly from: number;
  readonly to: number;
}

/** Returns the prediction that the solver follows, at a time within the step. The prediction belongs to the caller. */
export type Guide = (z: Float32Array, t: number, step: StepTimes) => Promise<Float32Array>;

/** Guidance works with these two networks and settings. */
export interface GuidanceInput {
  readonly sampling: Sampling;
  readonly conditional: Predict;
  /** Without any condition, or with the negative prompt alone. */
  readonly unconditional: Predict;
  readonly prediction: PredictionRule;
  /** Count of numbers in z that make one picture. */
  readonly pictureLength: number;
}

/** Makes the guide of one run. A guide may keep state from one evaluation to the next. */
export type GuidanceRule = (input: GuidanceInput) => Guide;

export const GUIDANCES: Readonly<Record<GuidanceName, GuidanceRule>> = {
  /** Classifier-free guidance (arXiv 2207.12598). With scale 1 the unconditional network does not run. */
  cfg:
    ({ sampling: { guidance: scale }, conditional, unconditional }) =>
    async (z, t) => {
      const prediction = await conditional(z, t);
      if (scale === 1) return prediction;
      const base = await unconditional(z, t);
      for (let k = 0; k < prediction.length; k++) prediction[k] = base[k]! + scale * (prediction[k]! - base[k]!);
      return prediction;
    },
};
