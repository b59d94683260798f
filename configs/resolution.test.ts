import { expect, test } from 'vitest';
import { phasesOf, resolutionScheduleSchema, scaleAt, scaledSize, scalesAfter } from './resolution.ts';

const data = {
  batch_size: 4,
  resolution_schedule: [
    { until_step: 3, scale: 0.5 },
    { until_step: 5, scale: 0.75 },
  ],
};

test('an update has the scale of the first entry that it comes before, and 1 after all', () => {
  expect([0, 11, 12, 19, 20, 100].map(ordinal => scaleAt(ordinal, data))).toEqual([0.5, 0.5, 0.75, 0.75, 1, 1]);
  expect(scaleAt(0, { batch_size: 4 })).toBe(1);
});

test('the phases add up to the updates of a training', () => {
  const whole = [
    { scale: 0.5, updates: 3 },
    { scale: 0.75, updates: 2 },
    { scale: 1, updates: 5 },
  ];
  expect(phasesOf(10, data)).toEqual(whole);
  expect(phasesOf(4, data)).toEqual([whole[0], { scale: 0.75, updates: 1 }]);
  expect(phasesOf(10, { batch_size: 4 })).toEqual([{ scale: 1, updates: 10 }]);
});

test('the scales to come are those of the phases that are not over', () => {
  expect(scalesAfter(0, 40, data)).toEqual([0.5, 0.75, 1]);
  expect(scalesAfter(12, 40, data)).toEqual([0.75, 1]);
  expect(scalesAfter(0, 16, data)).toEqual([0.5, 0.75]);
  expect(scalesAfter(40, 40, data)).toEqual([1]);
});

test('sides are rounded to whole patches and whole cells of features', () => {
  const size = { width: 832, height: 1216 };
  expect(scaledSize(size, 0.5, { patch_size: 16 })).toEqual({ width: 416, height: 608 });
  expect(scaledSize(size, 0.5, { patch_size: 32 })).toEqual({ width: 416, height: 608 });
  const conditions = { patches: { stride: 24 } };
  expect(scaledSize(size, 0.25, { patch_size: 16, conditions })).toEqual({ width: 192, height: 288 });
  expect(scaledSize({ width: 16, height: 16 }, 0.1, { patch_size: 8 })).toEqual({ width: 8, height: 8 });
});

test.each([
  [
    [
      { until_step: 5, scale: 0.5 },
      { until_step: 5, scale: 1 },
    ],
  ],
  [[{ until_step: 5, scale: 1.5 }]],
  [[]],
])('%j is no schedule', schedule => {
  expect(resolutionScheduleSchema.safeParse(schedule).success).toBe(false);
});
