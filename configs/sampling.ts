/**
 * @file Settings of sampling. `/sample`, `sample`, `preview`, `run.preview` and the gpu-runner read this one schema.
 * Each name in a list has a row in a table of gpu-runner/sampling/. TypeScript names missing rows.
 */
import { z } from 'zod';
import { seedSchema } from './seed.ts';
import { oneOf } from './suggest.ts';

export const SOLVER_NAMES = ['euler', 'heun', 'dpmpp_2m', 'unipc'] as const;
export type SolverName = (typeof SOLVER_NAMES)[number];

export const TIME_GRID_NAMES = ['uniform', 'shifted'] as const;
export type TimeGridName = (typeof TIME_GRID_NAMES)[number];

export const GUIDANCE_NAMES = ['cfg', 'dual_cfg', 'self_guidance', 'cfg_zero_star', 'apg'] as const;
export type GuidanceName = (typeof GUIDANCE_NAMES)[number];

/** Quantities that a network can be trained to predict. The config chooses one in `objective`. */
export const PREDICTION_TYPES = ['x_prediction', 'v_prediction'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];

/** A text to sample from. Every blank one is the empty one: no text. */
export const promptSchema = z
  .string()
  .max(2000)
  .overwrite(text => (text.trim() === '' ? '' : text));

const DEFAULT_GUIDANCE = 1.5;
const scale = z.number().min(0).max(50);
const time = z.number().min(0).max(1);

/** A key without a default belongs to one method. It stays absent, so that it changes no action that lacks it. */
export const samplingSchema = z.strictObject({
  steps: z.int().min(1).max(1000).default(25).describe('steps of the solver'),
  guidance: scale.default(DEFAULT_GUIDANCE).describe('guidance scale; 1: off'),
  seed: seedSchema.default(0).describe('seed of the noise: a whole number of up to 64 bits'),
  solver: oneOf('solver', SOLVER_NAMES).default('euler').describe('method of a step'),
  time_grid: oneOf('time grid', TIME_GRID_NAMES)
    .default('uniform')
    .describe('times of the steps between noise and data'),
  guidance_method: oneOf('guidance method', GUIDANCE_NAMES)
    .default('cfg')
    .describe('method that leads the prediction towards the condition'),
  shift: z
    .number()
    .min(0.01)
    .max(100)
    .optional()
    .describe('time_grid shifted: above 1, more steps near the noise; default: sqrt(pixels / trained pixels)'),
  guidance_interval: z
    .tuple([time, time])
    .refine(([least, most]) => least <= most, { error: 'must be [smallest time, largest time]' })
    .optional()
    .describe('smallest and largest time with guidance, of 0 (picture) to 1 (noise); default: all times'),
  guidance_text: scale.optional().describe('dual_cfg: scale of the prompt; default 3'),
  guidance_reference: scale.optional().describe('dual_cfg: scale of the reference picture; default 2.5'),
  guidance_pose: scale.optional().describe('dual_cfg: scale of the pose; default 2.5'),
  guidance_self: scale.optional().describe('self_guidance: scale; 1: off; default 3'),
  zero_steps: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe('cfg_zero_star: first steps that leave the noise as it is; default: 4 % of the steps, rounded down'),
  apg_parallel: time.optional().describe('apg: share of the change along the prediction that stays; default 0'),
  apg_momentum: z
    .number()
    .min(-0.99)
    .max(0.99)
    .optional()
    .describe('apg: share of the last change that is added; default -0.5'),
  apg_norm: z
    .number()
    .positive()
    .max(100)
    .optional()
    .describe('apg: largest root mean square of the change, for pixels in [-1, 1]; default: no limit'),
});
export type Sampling = z.infer<typeof samplingSchema>;

/** Settings that belong to one method of one of the tables. */
const OWNED = [
  { key: 'shift', setting: 'time_grid', method: 'shifted' },
  { key: 'guidance_text', setting: 'guidance_method', method: 'dual_cfg' },
  { key: 'guidance_reference', setting: 'guidance_method', method: 'dual_cfg' },
  { key: 'guidance_pose', setting: 'guidance_method', method: 'dual_cfg' },
  { key: 'guidance_self', setting: 'guidance_method', method: 'self_guidance' },
  { key: 'zero_steps', setting: 'guidance_method', method: 'cfg_zero_star' },
  { key: 'apg_parallel', setting: 'guidance_method', method: 'apg' },
  { key: 'apg_momentum', setting: 'guidance_method', method: 'apg' },
  { key: 'apg_norm', setting: 'guidance_method', method: 'apg' },
] as const satisfies readonly (
  | { readonly key: keyof Sampling; readonly setting: 'time_grid'; readonly method: TimeGridName }
  | { readonly key: keyof Sampling; readonly setting: 'guidance_method'; readonly method: GuidanceName }
)[];
type OwnedKey = (typeof OWNED)[number]['key'];

/** Values of settings of a method that are absent. `shift` depends on the picture, and `apg_norm` has none. */
const FALLBACKS = {
  guidance_text: () => 3,
  guidance_reference: () => 2.5,
  guidance_pose: () => 2.5,
  guidance_self: () => 3,
  zero_steps: ({ steps }) => Math.floor(steps / 25),
  apg_parallel: () => 0,
  apg_momentum: () => -0.5,
} as const satisfies Partial<Record<OwnedKey, (sampling: Sampling) => number>>;
type FallbackKey = keyof typeof FALLBACKS;

/** The value of a setting of a method: as given, or its default. */
export function settingOf(sampling: Sampling, key: FallbackKey): number {
  return sampling[key] ?? FALLBACKS[key](sampling);
}

/** Methods whose own scales replace `guidance`. */
const OWN_SCALES: Readonly<Partial<Record<GuidanceName, readonly OwnedKey[]>>> = {
  dual_cfg: ['guidance_text', 'guidance_reference', 'guidance_pose'],
  self_guidance: ['guidance_self'],
};

/** Reports settings that have no effect, and those that leave no step. For `superRefine` of an object with settings. */
export function checkSampling(sampling: Sampling, ctx: z.core.$RefinementCtx): void {
  const report = (key: keyof Sampling, message: string) =>
    ctx.addIssue({ code: 'custom', path: [key], message, input: sampling[key] });
  for (const { key, setting, method } of OWNED) {
    if (sampling[key] !== undefined && sampling[setting] !== method) {
      report(key, `has no effect with ${setting} ${sampling[setting]}; it belongs to ${method}`);
    }
  }
  const scales = OWN_SCALES[sampling.guidance_method];
  if (scales !== undefined && sampling.guidance !== DEFAULT_GUIDANCE) {
    report('guidance', `has no effect with guidance_method ${sampling.guidance_method}; use ${scales.join(', ')}`);
  }
  if (sampling.zero_steps !== undefined && sampling.zero_steps >= sampling.steps) {
    report('zero_steps', `must be smaller than steps (${sampling.steps})`);
  }
}

const anywhere = samplingSchema.strip();

/** Picks the settings from an object that may have other keys. Those of the chosen methods get their defaults. */
export function samplingOf(settings: object): Sampling {
  const sampling = anywhere.parse(settings);
  const filled: { [K in FallbackKey]?: number } = {};
  for (const { key, setting, method } of OWNED) {
    if (sampling[setting] === method && isFallbackKey(key)) filled[key] = settingOf(sampling, key);
  }
  return { ...sampling, ...filled };
}

function isFallbackKey(key: OwnedKey): key is FallbackKey {
  return key in FALLBACKS;
}
