/**
 * @file Settings of sampling. `/sample`, `sample`, `preview`, `run.preview` and the gpu-runner read this one schema.
 * Each name in a list has a row in a table of gpu-runner/sampling/. TypeScript names missing rows.
 */
import { z } from 'zod';
import { seedSchema } from './seed.ts';
import { oneOf } from './suggest.ts';

export const SOLVER_NAMES = ['euler'] as const;
export type SolverName = (typeof SOLVER_NAMES)[number];

export const TIME_GRID_NAMES = ['uniform'] as const;
export type TimeGridName = (typeof TIME_GRID_NAMES)[number];

export const GUIDANCE_NAMES = ['cfg'] as const;
export type GuidanceName = (typeof GUIDANCE_NAMES)[number];

/** Quantities that a network can be trained to predict. The config chooses one in `objective`. */
export const PREDICTION_TYPES = ['x_prediction', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

/** A text to sample from. Every blank one is the empty one: no text. */
export const promptSchema = z
  .string()
  .max(2000)
  .overwrite(text => (text.trim() === '' ? '' : text));

export const samplingSchema = z.strictObject({
  steps: z.int().min(1).max(1000).default(25).describe('steps of the solver'),
  guidance: z.number().min(0).max(50).default(1.5).describe('guidance scale; 1: off'),
  seed: seedSchema.default(0).describe('seed of the noise: a whole number of up to 64 bits'),
  solver: oneOf('solver', SOLVER_NAMES).default('euler').describe('method of a step'),
  time_grid: oneOf('time grid', TIME_GRID_NAMES)
    .default('uniform')
    .describe('times of the steps between noise and data'),
  guidance_method: oneOf('guidance method', GUIDANCE_NAMES)
    .default('cfg')
    .describe('method that leads the prediction towards the condition'),
});
export type Sampling = z.infer<typeof samplingSchema>;

const anywhere = samplingSchema.strip();

/** Picks the settings from an object that may have other keys. */
export function samplingOf(settings: object): Sampling {
  return anywhere.parse(settings);
}
