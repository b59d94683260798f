/** @file Guidance: leads the prediction of the network towards the condition. */
import { type GuidanceName, type Sampling, settingOf } from '../../configs/sampling.ts';
import { applyCfgZeroStar } from './cfg-zero-star.ts';
import { applyDualCfg } from './dual-cfg.ts';
import type { GuidanceInput, GuidanceRule, Guide } from './guide.ts';
import { applyProjectedGuidance } from './projected-guidance.ts';
import { applySelfGuidance } from './self-guidance.ts';

/** With scale 1, each of them runs the conditional network alone and returns its prediction. */
export const GUIDANCES: Readonly<Record<GuidanceName, GuidanceRule>> = {
  /** Classifier-free guidance (arXiv 2207.12598). */
  cfg:
    ({ sampling: { guidance: scale }, conditional, unconditional }) =>
    async (z, t) => {
      const prediction = await conditional(z, t);
      if (scale === 1) return prediction;
      const base = await unconditional(z, t);
      for (let k = 0; k < prediction.length; k++) prediction[k] = base[k]! + scale * (prediction[k]! - base[k]!);
      return prediction;
    },
  dual_cfg: applyDualCfg,
  self_guidance: applySelfGuidance,
  cfg_zero_star: applyCfgZeroStar,
  apg: applyProjectedGuidance,
};

/**
 * The guide of the chosen method. Outside `guidance_interval` (arXiv 2404.07724) it is the conditional network alone.
 * The time of each evaluation counts: a solver that evaluates twice in a step may be guided once.
 */
export function createGuide(input: GuidanceInput): Guide {
  const { sampling, conditional } = input;
  const guide = GUIDANCES[sampling.guidance_method](input);
  if (sampling.guidance_interval === undefined) return guide;
  const [least, most] = sampling.guidance_interval;
  return (z, t, step) => (t >= least && t <= most ? guide(z, t, step) : conditional(z, t));
}

/** First steps in which z stays as it is, and no network runs: the zero-init of CFG-Zero* (arXiv 2503.18886). */
export function countIdleSteps(sampling: Sampling): number {
  const { guidance_method: method, guidance } = sampling;
  return method === 'cfg_zero_star' && guidance !== 1 ? settingOf(sampling, 'zero_steps') : 0;
}
