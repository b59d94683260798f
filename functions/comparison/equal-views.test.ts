import { describe, expect, test } from 'vitest';
import { listBudgets, viewAt } from './equal-views.ts';
import type { Measure } from './measures.ts';
import type { Border, RunRecord } from './read-run.ts';
import { judgeArms } from './verdict.ts';

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

describe('runs that were planned for equal time', () => {
  /** A number at the end of each run alone, as a validation. */
  function runOf(experiment: string, ends: readonly [samples: number, seconds: number], value: number): RunRecord {
    const border = (share: number) => ({
      ...{ step: 100 * share, samples: ends[0] * share, seconds: ends[1] * share },
      ...(share === 1 && { value }),
    });
    return { experiment, seed: 0, borders: [border(0.5), border(1)] } as unknown as RunRecord;
  }
  const atEnd: Measure = {
    ...{ key: 'reconstruction/feature_distance', label: 'distance', unit: '', better: 'lower' },
    of(_, border) {
      const { value } = border as unknown as { readonly value?: number };
      return value === undefined ? undefined : { value };
    },
  };
  const compare = (seconds: number) => {
    const arms = [
      { name: 'few', runs: [runOf('few', [1000, 600], 0.4)] },
      { name: 'many', runs: [runOf('many', [8000, seconds], 0.3)] },
    ];
    const views = listBudgets(arms.flatMap(({ runs }) => runs)).map(budget => viewAt(budget, arms, [atEnd]));
    return judgeArms(views, ['few', 'many']).sentence;
  };

  test('compare at their ends, by what they tell there, if they end up to 10 % apart', () => {
    expect(compare(655)).toMatch(/^many looks better than few at equal seconds: distance, many 0?\.3/);
    expect(compare(590)).toContain('at equal seconds');
  });

  test('do not compare by their ends if one took much longer', () => {
    expect(compare(700)).toMatch(/^It cannot be told/);
  });
});
