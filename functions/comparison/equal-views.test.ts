import { expect, test } from 'vitest';
import { viewAt } from './equal-views.ts';
import type { Measure } from './measures.ts';
import type { Border, RunRecord } from './read-run.ts';

/** A run that tells a number by one extractor. */
const run = (experiment: string, seed: number, value: number | undefined, extractor: string) =>
  ({ experiment, seed, value, extractor }) as unknown as RunRecord;
type Told = { readonly value?: number; readonly extractor: string };

const measure: Measure = {
  key: 'kid',
  label: 'KID',
  unit: '',
  better: 'lower',
  meaning: each => ({ extractor: (each as unknown as Told).extractor }),
  of(each) {
    const { value } = each as unknown as Told;
    return value === undefined ? undefined : { value };
  },
};

function differ(...second: readonly RunRecord[]) {
  const arms = [
    { name: 'a', runs: [run('a-0', 0, 1, 'dct'), run('a-1', 1, 1.1, 'dct')] },
    { name: 'b', runs: second },
  ];
  const budget = { at: 'samples', budget: 1, borderOf: () => ({ step: 1 }) as Border } as const;
  return viewAt(budget, arms, [measure]).rows[0]?.differences.b;
}

test('a number that means something else in any run of an arm is not compared', () => {
  expect(differ(run('b-0', 0, 0.1, 'dct'), run('b-1', 1, 0.2, 'dct'))).toMatchObject({ real: 'yes', better: true });
  const mixed = differ(run('b-0', 0, 0.1, 'dct'), run('b-1', 1, 0.2, 'lite0'));
  expect(mixed).toMatchObject({ real: 'unknown', incomparable: ['extractor'] });
  expect(mixed).not.toHaveProperty('better');
});

test('a run that does not tell the number has no say in what it means', () => {
  expect(differ(run('b-0', 0, 0.1, 'dct'), run('b-1', 1, undefined, 'lite0'))).not.toHaveProperty('incomparable');
});
