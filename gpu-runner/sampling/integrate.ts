/** @file Turns noise into pictures by one part of each of the four tables. */
import type { Guide, StepTimes } from './guidance.ts';
import type { PredictionRule } from './predictions.ts';
import type { Field, Solve } from './solvers.ts';

export interface SamplerParts {
  /** See {@link TimeGridRule}. */
  readonly times: readonly number[];
  readonly guide: Guide;
  readonly prediction: PredictionRule;
  readonly solve: Solve;
}

/**
 * Turns z, noise scaled by noise_scale, into clean pictures, in place. The last step takes the predicted clean picture
 * as it is. So no solver leaves noise behind, and no time is clamped.
 * @param onStep Called after every step. Other work may run in it; an error that it throws stops the sampling.
 */
export async function integrate(
  z: Float32Array,
  { times, guide, prediction, solve }: SamplerParts,
  onStep: (done: number) => Promise<void> = async () => {},
): Promise<Float32Array> {
  for (let i = 0; i + 1 < times.length; i++) {
    const step = { from: times[i]!, to: times[i + 1]! };
    const field = createField(guide, prediction, step);
    if (step.to === 0) z.set(await field.clean(z, step.from));
    else await solve({ ...step, z, field });
    await onStep(i + 1);
  }
  return z;
}

function createField(guide: Guide, prediction: PredictionRule, step: StepTimes): Field {
  const convertBy =
    (rule: PredictionRule['velocity']): Field['velocity'] =>
    async (z, t) => {
      const predicted = await guide(z, t, step);
      const converted = new Float64Array(z.length);
      for (let k = 0; k < z.length; k++) converted[k] = rule(z[k]!, predicted[k]!, t);
      return converted;
    };
  return { velocity: convertBy(prediction.velocity), clean: convertBy(prediction.clean) };
}
