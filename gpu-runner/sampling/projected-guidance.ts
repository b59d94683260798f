import { settingOf } from '../../configs/sampling.ts';
import { dotOf } from './dot.ts';
import type { GuidanceRule } from './guide.ts';

/**
 * Adaptive projected guidance (arXiv 2410.02416, algorithm 1), for each picture. With x_c and x_0 the clean pictures
 * that are predicted with and without condition:
 *   d = x_c - x_0 + apg_momentum * (d of the last evaluation)
 *   d = d * min(1, apg_norm / rms(d)); the paper limits the L2 norm, which grows with the size of the picture
 *   x = x_c + (scale - 1) (d_across + apg_parallel * d_along), where d_along is the part of d along x_c
 * The last d is the one before the limit. A solver that evaluates twice in a step updates it twice.
 */
export const applyProjectedGuidance: GuidanceRule = input => {
  const { sampling, conditional, unconditional, prediction, pictureLength } = input;
  const { guidance: scale, apg_norm: largest = Infinity } = sampling;
  if (scale === 1) return conditional;
  const momentum = settingOf(sampling, 'apg_momentum');
  const parallel = settingOf(sampling, 'apg_parallel');
  let change: Float64Array | undefined;
  return async (z, t) => {
    const clean = prediction.clean(z, await conditional(z, t), t);
    const base = prediction.clean(z, await unconditional(z, t), t);
    const last = change;
    const now = new Float64Array(z.length);
    for (let k = 0; k < z.length; k++) now[k] = clean[k]! - base[k]! + momentum * (last?.[k] ?? 0);
    change = now;
    for (let from = 0; from < z.length; from += pictureLength) {
      const to = from + pictureLength;
      const rms = Math.sqrt(dotOf(now, now, from, to) / pictureLength);
      const limit = rms > largest ? largest / rms : 1;
      const square = dotOf(clean, clean, from, to);
      const along = square > 0 ? ((parallel - 1) * dotOf(now, clean, from, to)) / square : 0;
      for (let k = from; k < to; k++) clean[k] = clean[k]! + (scale - 1) * limit * (now[k]! + along * clean[k]!);
    }
    return prediction.ofClean(z, clean, t);
  };
};
