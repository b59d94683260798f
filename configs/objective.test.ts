import { describe, expect, it } from 'vitest';
import { noiseScaleOf, shiftTime, timeShiftOf } from './noise-level.ts';
import { objectiveSchema } from './objective.ts';

const parse = (objective: object) => objectiveSchema.parse(objective);

describe('an objective', () => {
  it('has no new key unless one is named', () => {
    expect(Object.keys(parse({}))).toEqual([
      'prediction_type',
      'logit_normal_mean',
      'logit_normal_std',
      'uniform_share',
      't_clamp',
      'noise_scale',
      'cfg_dropout',
    ]);
    expect(Object.keys(parse({}).cfg_dropout)).not.toContain('p_text_pose');
  });

  it.each([
    [{ min_snr_gamma: 5, loss_space: 'x' }, 'min_snr_gamma'],
    [{ noise_scale: 2, time_shift: 3 }, 'time_shift'],
    [{ noise_reference_side: 256, shift_reference_side: 256 }, 'shift_reference_side'],
    [{ noise_reference_side: 256, time_shift: 1 }, 'time_shift'],
    [{ cfg_dropout: { p_text_pose: 0.5 } }, 'cfg_dropout'],
    [{ prediction_type: 'eps_prediction' }, 'prediction_type'],
    [{ time_shift: 0 }, 'time_shift'],
  ])('%j is refused at %s', (objective, key) => {
    const { error } = objectiveSchema.safeParse(objective);
    expect(error?.issues.map(({ path }) => path[0])).toEqual([key]);
  });

  it.each([
    { min_snr_gamma: 5 },
    { loss_space: 'x', prediction_type: 'v_prediction' },
    { noise_scale: 1, time_shift: 3 },
    { noise_scale: 2, noise_reference_side: 512 },
    { cfg_dropout: { p_text_pose: 0.4 } },
  ])('%j is taken', objective => {
    expect(parse(objective)).toMatchObject(objective);
  });
});

describe('noise by size', () => {
  it('the noise scale grows with the mean side: 2 at 512 and 4 at 1024 with reference 256', () => {
    const objective = parse({ noise_reference_side: 256 });
    const scales = [256, 512, 1024].map(side => noiseScaleOf(objective, { width: side, height: side }));
    expect(scales).toEqual([1, 2, 4]);
    expect(noiseScaleOf(objective, { width: 128, height: 512 })).toBe(1);
    expect(noiseScaleOf(parse({ noise_scale: 3 }), { width: 9, height: 9 })).toBe(3);
  });

  it('a shift is constant, or grows with the mean side', () => {
    const size = { width: 512, height: 512 };
    expect(timeShiftOf(parse({}), size)).toBeUndefined();
    expect(timeShiftOf(parse({ time_shift: 3 }), size)).toBe(3);
    expect(timeShiftOf(parse({ time_shift: 3, shift_reference_side: 256 }), size)).toBe(6);
    expect(timeShiftOf(parse({ shift_reference_side: 256 }), size)).toBe(2);
  });

  it('a shift by a gives the ratio of picture to noise of noise with the scale a', () => {
    for (const t of [0.1, 0.5, 0.9]) {
      const shifted = shiftTime(t, 4);
      expect(shifted).toBeCloseTo((4 * t) / (1 + 3 * t), 12);
      expect(((1 - shifted) / shifted) ** 2).toBeCloseTo(((1 - t) / (4 * t)) ** 2, 10);
    }
    expect([0, 1].map(t => shiftTime(t, 7))).toEqual([0, 1]);
    expect([0.1, 1 / 3, 0.77].map(t => shiftTime(t, 1))).toEqual([0.1, 1 / 3, 0.77]);
  });
});
