import { expect, it } from 'vitest';
import { emaRateAt } from './schedule.ts';

it('the rate of an average is 1 at the first update, and near (gamma + 1) / step later', () => {
  expect(emaRateAt(1, 10)).toBe(1);
  expect(emaRateAt(10_000, 10)).toBeCloseTo(11 / 10_000, 5);
});
