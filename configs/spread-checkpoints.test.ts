import { expect, test } from 'vitest';
import { spreadCheckpoints } from './spread-checkpoints.ts';

const at = (step: number) => ({ step });

test.each([
  [4, 100],
  [7, 1000],
  [16, 333],
])('%i checkpoints stay spread over %i borders, the newest among them', (most, borders) => {
  let kept: readonly { readonly step: number }[] = [];
  for (let border = 1; border <= borders; border++) {
    const { spaced, dropped } = spreadCheckpoints([...kept, at(10 * border)], most);
    expect([spaced.length, spaced.length + dropped.length]).toEqual([Math.min(border, most), kept.length + 1]);
    kept = spaced;
  }
  const steps = kept.map(({ step }) => step);
  expect(steps.at(-1)).toBe(10 * borders);
  const gaps = steps.map((step, i) => step - (steps[i - 1] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual((3 * 10 * borders) / most);
});

test('none stays when none is wanted', () => {
  expect(spreadCheckpoints([at(1), at(2)], 0)).toEqual({ spaced: [], dropped: [at(1), at(2)] });
});
