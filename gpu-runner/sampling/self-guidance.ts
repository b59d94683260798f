import { settingOf } from '../../configs/sampling.ts';
import type { GuidanceRule } from './guide.ts';

/**
 * Guidance of a network by itself: y_r + scale (y - y_r), where y_r is the prediction with the same conditions of a
 * network that a part of the image tokens has gone through. It is autoguidance (arXiv 2406.02507) with the routed
 * passes that TREAD (arXiv 2501.04765) trains as the weak network.
 */
export const applySelfGuidance: GuidanceRule = ({ sampling, conditional, routed }) => {
  const scale = settingOf(sampling, 'guidance_self');
  if (scale === 1) return conditional;
  if (routed === undefined) throw new TypeError('self_guidance needs a network with a route');
  return async (z, t) => {
    const prediction = await conditional(z, t);
    const weak = await routed(z, t);
    for (let k = 0; k < prediction.length; k++) prediction[k] = weak[k]! + scale * (prediction[k]! - weak[k]!);
    return prediction;
  };
};
