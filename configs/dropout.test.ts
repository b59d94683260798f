import { expect, test } from 'vitest';
import { signalShares } from './dropout.ts';
import { conditionDropoutSchema } from './schema.ts';

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
