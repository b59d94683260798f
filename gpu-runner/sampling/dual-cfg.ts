import { settingOf } from '../../configs/sampling.ts';
import { type GuidanceRule, TERM_NAMES } from './guide.ts';

/** The setting with the scale of each term. */
const SCALES = { text: 'guidance_text', reference: 'guidance_reference', pose: 'guidance_pose' } as const;

/**
 * Guidance with one scale for each condition: y_0 + sum over the conditions c of scale_c (y_c - y_0), where y_c sees c
 * alone and y_0 sees none. NanoDiT's dual guidance has the terms of text and reference; the term of the pose has the
 * same form. It is composition of conditions (arXiv 2206.01714, eq. 11). Weights sum to 1, so predictions of pictures
 * and of velocities give equal samples. A term of scale 0 costs no pass of the network. With all scales 1 guidance is
 * off: one pass sees all conditions.
 */
export const applyDualCfg: GuidanceRule = ({ sampling, conditional, unconditional, terms }) => {
  const given = TERM_NAMES.flatMap(name => {
    const predict = terms[name];
    return predict === undefined ? [] : [{ predict, scale: settingOf(sampling, SCALES[name]) }];
  });
  if (given.every(({ scale }) => scale === 1)) return conditional;
  return async (z, t) => {
    const base = await unconditional(z, t);
    const guided = new Float64Array(base);
    for (const { predict, scale } of given) {
      if (scale === 0) continue;
      const prediction = await predict(z, t);
      for (let k = 0; k < guided.length; k++) guided[k] = guided[k]! + scale * (prediction[k]! - base[k]!);
    }
    return new Float32Array(guided);
  };
};
