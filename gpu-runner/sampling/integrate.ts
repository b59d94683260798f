/** @file Turns noise into pictures by one part of each of the four tables. */
import type { Guide, StepTimes } from './guide.ts';
import type { PredictionRule } from './predictions.ts';
import type { Field, Solve } from './solver.ts';

export interface SamplerParts {
  /** See {@link TimeGridRule}. */
  readonly times: readonly number[];
  readonly guide: Guide;
  readonly prediction: PredictionRule;
  readonly solve: Solve;
  /** First steps in which z stays as it is; default: none. */
  readonly idleSteps?: number;
}

/**
 * Turns z, noise scaled by noise_scale, into clean pictures, in place. The last step takes the predicted clean picture
 * as it is. So no solver leaves noise behind, and no time is clamped.
 * @param onStep Called after every step. Other work may run in it; an error that it throws stops the sampling.
 */
export async function integrate(
  z: Float32Array,
  { times, guide, prediction, solve, idleSteps = 0 }: SamplerParts,
  onStep: (done: number) => Promise<void> = async () => {},
): Promise<Float32Array> {
  for (let i = 0; i + 1 < times.length; i++) {
    const step = { from: times[i]!, to: times[i + 1]! };
    const field = createField(guide, prediction, step);
    if (step.to === 0) z.set(await field.clean(z, step.from));
    else if (i >= idleSteps) await solve({ ...step, z, field });
    await onStep(i + 1);
  }
  return z;
}

function createField(guide: Guide, prediction: PredictionRule, step: StepTimes): Field {
  return {
    velocity: async (z, t) => prediction.velocity(z, await guide(z, t, step), t),
    clean: async (z, t) => prediction.clean(z, await guide(z, t, step), t),
  };
}
