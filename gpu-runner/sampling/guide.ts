/** @file What guidance works with, and what it makes. */
import type { Sampling } from '../../configs/sampling.ts';
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

/** Kinds of conditions that guidance can weigh apart. The reference is a picture: the signals `cls` and `patches`. */
export const TERM_NAMES = ['text', 'reference', 'pose'] as const;
export type TermName = (typeof TERM_NAMES)[number];

/** Guidance works with these networks and settings. */
export interface GuidanceInput {
  readonly sampling: Sampling;
  readonly conditional: Predict;
  /** Without any condition, or with the negative prompt alone. */
  readonly unconditional: Predict;
  /** With all conditions, of a part of the image tokens; absent: the model was trained without a route. */
  readonly routed?: Predict | undefined;
  /**
   * With one of the conditions that the request has. A reference or a pose is beside the negative prompt, if there is
   * one: the difference to `unconditional` is then its own.
   */
  readonly terms: Readonly<Partial<Record<TermName, Predict>>>;
  readonly prediction: PredictionRule;
  /** Count of numbers in z that make one picture. */
  readonly pictureLength: number;
}

/** Makes the guide of one run. A guide may keep state from one evaluation to the next. */
export type GuidanceRule = (input: GuidanceInput) => Guide;
