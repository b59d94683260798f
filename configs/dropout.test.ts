import { expect, test } from 'vitest';
import { signalShares } from './dropout.ts';
import { conditionDropoutSchema } from './objective.ts';
import type { SignalName } from './signals.ts';

const usual = conditionDropoutSchema.parse({});

test('the shares of a model with all signals are those of the config', () => {
  expect(signalShares(['text', 'cls', 'patches', 'pose'], usual)).toEqual([
    { keeps: ['text', 'cls', 'patches', 'pose'], share: 0.4 },
    { keeps: ['text'], share: 0.25 },
    { keeps: [], share: 0.1 },
    { keeps: ['text', 'cls', 'patches'], share: 0.1 },
    { keeps: ['cls'], share: 0.05 },
    { keeps: ['patches'], share: 0.05 },
    { keeps: ['pose'], share: 0.05 },
  ]);
});

test('a category of a signal that is not there keeps all signals: only a tenth is trained without any', () => {
  expect(signalShares(['text'], usual)).toEqual([
    { keeps: ['text'], share: 0.9 },
    { keeps: [], share: 0.1 },
  ]);
  expect(signalShares(['text', 'cls'], usual)).toEqual([
    { keeps: ['text', 'cls'], share: 0.6 },
    { keeps: ['text'], share: 0.25 },
    { keeps: [], share: 0.1 },
    { keeps: ['cls'], share: 0.05 },
  ]);
});

test('a category that leaves out the only signal trains without any', () => {
  expect(signalShares(['pose'], usual)).toEqual([
    { keeps: ['pose'], share: 0.8 },
    { keeps: [], share: 0.2 },
  ]);
});

test('a model without signals has one row', () => {
  expect(signalShares([], usual)).toEqual([{ keeps: [], share: 1 }]);
});

test('text and pose are kept together in their share; where one is absent, the other is kept alone', () => {
  const both = conditionDropoutSchema.parse({ p_text_pose: 0.2 });
  const shareOf = (present: readonly SignalName[], keeps: readonly SignalName[]) =>
    signalShares(present, both).find(row => row.keeps.join() === keeps.join())?.share;
  expect(shareOf(['text', 'cls', 'patches', 'pose'], ['text', 'pose'])).toBe(0.2);
  expect(shareOf(['text', 'cls', 'patches', 'pose'], ['text', 'cls', 'patches', 'pose'])).toBe(0.2);
  expect(shareOf(['text', 'cls'], ['text'])).toBeCloseTo(0.25 + 0.2, 12);
  expect(shareOf(['cls'], ['cls'])).toBeCloseTo(1 - 0.1, 12);
});
