import { describe, expect, it } from 'vitest';
import { learningRateAt, longestWarmup } from './learning-rate.ts';
import { type OptimizerConfig, optimizerSchema } from './optimizer.ts';

const configOf = (changes: object): OptimizerConfig =>
  optimizerSchema.parse({
    learning_rate: 1,
    total_samples: 1000,
    warmup_samples: 100,
    decay_share: 0.3,
    min_learning_rate: 0,
    ...changes,
  });

/** The rate of the update of ten samples that begins at `first`. */
const rateAt = (first: number, config: OptimizerConfig) => learningRateAt({ first, end: first + 10 }, config);

describe('the learning rate', () => {
  it.each([
    ['wsd', 40, 0.5],
    ['wsd', 90, 1],
    ['wsd', 700, 1],
    ['wsd', 850, 0.5],
    ['wsd', 2000, 0],
    ['cosine', 100, 1],
    ['cosine', 550, 0.5],
    ['cosine', 1000, 0],
    ['constant', 5000, 1],
  ])('%s at %d samples is %d', (schedule, first, expected) => {
    expect(rateAt(first, configOf({ schedule }))).toBeCloseTo(expected, 10);
  });

  it.each([
    ['wsd', 0.3, 850, 0.55],
    ['wsd', 0.3, 1000, 0.1],
    ['wsd', 0.3, 5000, 0.1],
    ['wsd', 0, 999, 1],
    ['wsd', 1, 500, 0.55],
    ['cosine', 0.3, 550, 0.55],
    ['cosine', 0.3, 1000, 0.1],
    ['cosine', 0.3, 5000, 0.1],
    ['constant', 0.3, 5000, 1],
  ])(
    '%s with decay_share %d and a smallest rate of .1 is at %d samples %d',
    (schedule, decay_share, first, expected) => {
      const config = configOf({ schedule, decay_share, min_learning_rate: 0.1 });
      expect(rateAt(first, config)).toBeCloseTo(expected, 10);
    },
  );

  it('is that of the original project along its cosine from 3e-4 to 1e-6, over 6,000 updates of 256', () => {
    const config = optimizerSchema.parse({
      learning_rate: 3e-4,
      min_learning_rate: 1e-6,
      schedule: 'cosine',
      total_samples: 6000 * 256,
      warmup_samples: 500 * 256,
    });
    for (const step of [500, 1000, 3250, 5999]) {
      const expected = 1e-6 + ((3e-4 - 1e-6) / 2) * (1 + Math.cos((Math.PI * (step - 500)) / 5500));
      expect(learningRateAt({ first: step * 256, end: (step + 1) * 256 }, config)).toBeCloseTo(expected, 12);
    }
    // Its warm-up begins with an update at rate 0, Easel's with one at the first of 500 parts.
    expect(learningRateAt({ first: 0, end: 256 }, config)).toBeCloseTo(3e-4 / 500, 12);
  });

  it.each(['wsd', 'cosine', 'constant'])('the first and the last update of a run have a rate above 0: %s', schedule => {
    const config = configOf({ schedule });
    expect(rateAt(0, config)).toBeCloseTo(0.1, 10);
    expect(rateAt(990, config)).toBeGreaterThan(1e-4);
  });

  it('the rate of a long warm-up does not fall at its end', () => {
    const config = configOf({ warmup_samples: 900 });
    const rates = Array.from({ length: 100 }, (_, i) => rateAt(10 * i, config));
    const steps = rates.slice(1).map((rate, i) => Math.abs(rate - (rates[i] ?? Number.NaN)));
    expect(Math.max(...steps)).toBeLessThan(0.04);
  });

  it('where a run was extended after its decay, the rate rises from what it was', () => {
    const config = configOf({ total_samples: 2000, extended: [{ at: 1000, learning_rate: 0 }] });
    expect([1000, 1040, 1090, 1400].map(first => rateAt(first, config))).toEqual([0.1, 0.5, 1, 1]);
    // The updates before are those of the shorter run until its decay.
    expect(rateAt(500, config)).toBe(1);
  });

  it('the last of several extensions counts, and none exceeds the schedule', () => {
    const extended = [
      { at: 300, learning_rate: 0 },
      { at: 950, learning_rate: 0.5 },
    ];
    const config = configOf({ extended });
    expect(rateAt(340, config)).toBeCloseTo(0.5, 10);
    expect(rateAt(960, config)).toBeCloseTo(0.4 / 3, 10);
  });

  it('without a warm-up the rate is that of the schedule at once', () => {
    const config = configOf({ warmup_samples: 0, extended: [{ at: 500, learning_rate: 0 }] });
    expect([rateAt(0, config), rateAt(500, config)]).toEqual([1, 1]);
  });
});

it.each([
  ['wsd', 0.3, 350],
  ['wsd', 1, 100],
  ['cosine', 0.3, 500],
  ['constant', 0.3, 500],
])('the warm-up of a run of 1,000 samples with %s, decay_share %d, takes at most %d', (schedule, decay_share, most) => {
  expect(longestWarmup(configOf({ schedule, decay_share }))).toBe(most);
});
