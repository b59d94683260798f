import { dotOf } from './dot.ts';
import type { GuidanceRule } from './guide.ts';

/**
 * CFG-Zero* (arXiv 2503.18886, algorithm 1): s v_0 + scale (v_c - s v_0) with v_c, v_0 the velocities with and without
 * condition, and s = <v_c, v_0> / |v_0|^2 for each picture: s v_0 is the multiple of v_0 nearest to v_c. The other half
 * of the method, a start with velocity 0, is `countIdleSteps`.
 */
export const applyCfgZeroStar: GuidanceRule = input => {
  const { conditional, unconditional, prediction, pictureLength } = input;
  const scale = input.sampling.guidance;
  if (scale === 1) return conditional;
  return async (z, t) => {
    const velocity = prediction.velocity(z, await conditional(z, t), t);
    const base = prediction.velocity(z, await unconditional(z, t), t);
    for (let from = 0; from < z.length; from += pictureLength) {
      const to = from + pictureLength;
      const square = dotOf(base, base, from, to);
      const share = square > 0 ? dotOf(velocity, base, from, to) / square : 0;
      for (let k = from; k < to; k++) velocity[k] = share * base[k]! + scale * (velocity[k]! - share * base[k]!);
    }
    return prediction.ofVelocity(z, velocity, t);
  };
};
