import { describe, expect, it } from 'vitest';
import { objectiveSchema, optimizerSchema } from '../../configs/schema.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { drawSignals, drawTime, logistic } from './draws.ts';
import { emaRateAt, learningRateAt } from './schedule.ts';

const config = (schedule: string) =>
  optimizerSchema.parse({
    learning_rate: 1,
    total_samples: 1000,
    warmup_samples: 100,
    schedule,
    decay_share: 0.3,
    min_learning_rate: 0,
  });

describe('learningRateAt', () => {
  it.each([
    ['wsd', 50, 0.5],
    ['wsd', 100, 1],
    ['wsd', 700, 1],
    ['wsd', 850, 0.5],
    ['wsd', 1000, 0],
    ['wsd', 2000, 0],
    ['cosine', 100, 1],
    ['cosine', 550, 0.5],
    ['cosine', 1000, 0],
    ['constant', 5000, 1],
  ])('%s at %d samples is %d', (schedule, samples, expected) => {
    expect(learningRateAt(samples, config(schedule))).toBeCloseTo(expected, 10);
  });
});

it('the rate of an average is 1 at the first update, and near (gamma + 1) / step later', () => {
  expect(emaRateAt(1, 10)).toBe(1);
  expect(emaRateAt(10_000, 10)).toBeCloseTo(11 / 10_000, 5);
});

it('the logistic function agrees with Math.exp', () => {
  for (let x = -12; x <= 12; x += 0.37) expect(logistic(x)).toBeCloseTo(1 / (1 + Math.exp(-x)), 12);
});

describe('draws', () => {
  const objective = objectiveSchema.parse({});

  it('t is logit-normal with a uniform share: its median is at the mean', () => {
    const times = Array.from({ length: 20_000 }, (_, i) => drawTime(1, i, { ...objective, uniform_share: 0 })).sort(
      (a, b) => a - b,
    );
    expect(times[10_000]).toBeCloseTo(logistic(0.8), 2);
    const mixed = Array.from({ length: 20_000 }, (_, i) => drawTime(1, i, objective));
    const expected = 0.1 * 0.05 + 0.9 * (times.filter(t => t < 0.05).length / 20_000);
    expect(mixed.filter(t => t < 0.05).length / 20_000).toBeCloseTo(expected, 2);
  });

  it('each category of dropout gets its share of the samples', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const kept = drawSignals(1, i, objective.cfg_dropout);
      const key = SIGNAL_NAMES.map(name => Number(kept.has(name))).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const shares = Object.fromEntries([...counts].map(([key, count]) => [key, count / 20_000]));
    const near = (share: number) => expect.closeTo(share, 1);
    expect(shares).toEqual({
      '0000': near(0.1),
      '1000': near(0.25),
      '0100': near(0.05),
      '0010': near(0.05),
      '1110': near(0.1),
      '0001': near(0.05),
      '1111': near(0.4),
    });
  });
});
