import { describe, expect, it } from 'vitest';
import { samplingSchema } from '../../configs/sampling.ts';
import { TIME_GRIDS } from './time-grids.ts';

const size = { width: 64, height: 96 };

describe('the shifted time grid', () => {
  it.each([0.01, 0.5, 3, 100])('maps each time t to s t / (1 + (s - 1) t), and keeps the ends: s = %d', s => {
    const times = TIME_GRIDS.shifted(samplingSchema.parse({ steps: 8, shift: s }), { size });
    for (const [i, time] of times.entries()) {
      const t = (8 - i) / 8;
      expect(time).toBeCloseTo((s * t) / (1 + (s - 1) * t), 12);
    }
    expect([times[0], times.at(-1)]).toEqual([1, 0]);
  });

  it('shifts by the root of the ratio of pixels, and is uniform at the trained size or without one', () => {
    const sampling = samplingSchema.parse({ steps: 4 });
    const larger = TIME_GRIDS.shifted(sampling, { size, trained: { width: 32, height: 48 } });
    expect(larger).toEqual([1, 6 / 7, 2 / 3, 0.4, 0].map(t => expect.closeTo(t, 12)));
    for (const trained of [size, undefined]) {
      expect(TIME_GRIDS.shifted(sampling, { size, trained })).toEqual(TIME_GRIDS.uniform(sampling, { size }));
    }
  });

  it.each([0.01, 100])('falls in each of 1000 steps with shift %d', shift => {
    const times = TIME_GRIDS.shifted(samplingSchema.parse({ steps: 1000, shift }), { size });
    for (const [i, time] of times.entries()) expect(time).toBeLessThan(times[i - 1] ?? 2);
  });
});

describe('the grid of a training that shifts its times or scales its noise', () => {
  const sampling = samplingSchema.parse({ steps: 4 });
  const trained = { width: 32, height: 48 };
  const shiftedBy = (shift: number) =>
    TIME_GRIDS.shifted(samplingSchema.parse({ steps: 4, shift }), { size }).map(t => expect.closeTo(t, 12));

  it.each(['uniform', 'shifted'] as const)('the grid %s has the shift of the training at that size', name => {
    const constant = { time_shift: 3 };
    expect(TIME_GRIDS[name](sampling, { size, trained, objective: constant })).toEqual(shiftedBy(3));
    const bySize = { time_shift: 3, shift_reference_side: Math.sqrt(32 * 48) };
    expect(TIME_GRIDS[name](sampling, { size, trained, objective: bySize })).toEqual(shiftedBy(6));
    expect(TIME_GRIDS[name](sampling, { size: trained, trained, objective: bySize })).toEqual(shiftedBy(3));
  });

  it('the shift of a request replaces that of the training', () => {
    const asked = samplingSchema.parse({ steps: 4, time_grid: 'shifted', shift: 2 });
    expect(TIME_GRIDS.shifted(asked, { size, objective: { time_shift: 3 } })).toEqual(shiftedBy(2));
  });

  it('noise that grows with the size needs no shift by size', () => {
    const objective = { noise_reference_side: 32 };
    expect(TIME_GRIDS.shifted(sampling, { size, trained, objective })).toEqual(TIME_GRIDS.uniform(sampling, { size }));
  });
});
