import { describe, expect, it } from 'vitest';
import { optimizerSchema } from '../../configs/schema.ts';
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
