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
