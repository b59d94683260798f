/** @file How pictures are sampled. `/sample`, `sample`, `preview`, `run.preview` and the gpu-runner read this one schema. */
import { z } from 'zod';
import { oneOf } from './suggest.ts';

// The names of the parts of a sampler. Each name has its row in a table of gpu-runner/sampling/, and TypeScript names the missing rows.
export const SOLVER_NAMES = ['euler'] as const;
export type SolverName = (typeof SOLVER_NAMES)[number];

export const TIME_GRID_NAMES = ['uniform'] as const;
export type TimeGridName = (typeof TIME_GRID_NAMES)[number];

export const GUIDANCE_NAMES = ['cfg'] as const;
export type GuidanceName = (typeof GUIDANCE_NAMES)[number];

/** What a network is trained to predict: a choice of `objective`, not of a sample. */
export const PREDICTION_TYPES = ['x_prediction', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

export const samplingSchema = z.strictObject({
  steps: z.int().min(1).max(1000).default(25).describe('steps of the solver'),
  guidance: z.number().min(0).max(50).default(1.5).describe('guidance scale; 1: off'),
  seed: z.int().nonnegative().default(0).describe('seed of the noise'),
  solver: oneOf('solver', SOLVER_NAMES).default('euler').describe('how a step follows the velocity'),
  time_grid: oneOf('time grid', TIME_GRID_NAMES)
    .default('uniform')
    .describe('where the steps lie between noise and data'),
  guidance_method: oneOf('guidance method', GUIDANCE_NAMES)
    .default('cfg')
    .describe('how the prediction is led towards the condition'),
});
export type Sampling = z.infer<typeof samplingSchema>;

const anywhere = samplingSchema.strip();

/** The settings in an object that has other keys, too. */
export function samplingOf(settings: object): Sampling {
  return anywhere.parse(settings);
}
