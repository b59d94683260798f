import { describe, expect, it, test } from 'vitest';
import { signalShares } from '../../configs/dropout.ts';
import { objectiveSchema } from '../../configs/objective.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { addConditionNoise, drawSignals, drawTimes, logistic, shiftTimes } from './draws.ts';

it('the logistic function agrees with Math.exp', () => {
  for (let x = -12; x <= 12; x += 0.37) expect(logistic(x)).toBeCloseTo(1 / (1 + Math.exp(-x)), 12);
});

describe('draws', () => {
  const objective = objectiveSchema.parse({});

  /** The times of samples in updates of `batchSize`. */
  function timesOf(batchSize: number, updates: number, changes: object = {}): number[] {
    const config = { ...objective, ...changes };
    return Array.from({ length: updates }, (_, update) => [...drawTimes(1, update, batchSize, config)]).flat();
  }
  const meanOf = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviationOf = (values: readonly number[]) => {
    const mean = meanOf(values);
    return Math.sqrt(meanOf(values.map(x => (x - mean) ** 2)));
  };

  it('t is logit-normal with a uniform share: its median is at the mean', () => {
    const times = timesOf(50, 400, { uniform_share: 0 }).toSorted((a, b) => a - b);
    expect(times[10_000]).toBeCloseTo(logistic(0.8), 2);
    const mixed = timesOf(50, 400);
    const expected = 0.1 * 0.05 + 0.9 * (times.filter(t => t < 0.05).length / 20_000);
    expect(Math.abs(mixed.filter(t => t < 0.05).length / 20_000 - expected)).toBeLessThan(1.5e-3);
    expect(timesOf(8, 2500, { uniform_share: 1 }).every(t => t > 0 && t < 1)).toBe(true);
  });

  it('the samples of an update share out the distribution of t', () => {
    const parts = timesOf(64, 20, { uniform_share: 1 }).map(t => Math.floor(t * 64));
    for (let at = 0; at < parts.length; at += 64) {
      expect(parts.slice(at, at + 64).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    }
    const means = (batchSize: number) => {
      const times = timesOf(batchSize, (64 * 400) / batchSize);
      return Array.from({ length: 400 }, (_, i) => meanOf(times.slice(64 * i, 64 * (i + 1))));
    };
    // An update of one sample is an independent draw.
    expect(deviationOf(means(64))).toBeLessThan(0.2 * deviationOf(means(1)));
  });

  it('a place in the update has all times equally often: small t does not follow a place', () => {
    const times = timesOf(8, 4000);
    for (const place of [0, 3, 7]) {
      const own = times.filter((_, i) => i % 8 === place);
      expect(Math.abs(meanOf(own) - meanOf(times))).toBeLessThan(0.01);
      expect(deviationOf(own)).toBeCloseTo(deviationOf(times), 1);
    }
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

  it.each([
    ['text alone', ['text']],
    ['text and CLS', ['text', 'cls']],
    ['pose alone', ['pose']],
    ['no signal', []],
  ] as const)('samples of pictures with %s keep signals in the shares of the table', (_, present) => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const kept = [...drawSignals(1, i, objective.cfg_dropout, present)].join();
      counts.set(kept, (counts.get(kept) ?? 0) + 1);
    }
    const table = signalShares(present, objective.cfg_dropout);
    expect(new Set(counts.keys())).toEqual(new Set(table.map(({ keeps }) => keeps.join())));
    for (const { keeps, share } of table) expect((counts.get(keeps.join()) ?? 0) / 20_000).toBeCloseTo(share, 2);
  });
});

it('the times of an update are shifted by the size of each picture', () => {
  const objective = objectiveSchema.parse({ time_shift: 2, shift_reference_side: 64 });
  const times = drawTimes(1, 0, 3, objective);
  const sizes = [64, 128, 32].map(side => ({ width: side, height: side }));
  const shifted = [...times].map((t, i) => {
    const a = [2, 4, 1][i] ?? Number.NaN;
    return expect.closeTo((a * t) / (1 + (a - 1) * t), 6);
  });
  expect([...shiftTimes(times, sizes, objective)]).toEqual(shifted);
  expect(shiftTimes(times, sizes, objectiveSchema.parse({}))).toEqual(times);
});

test('noise on a signal has the given share of its root mean square, by ordinal', () => {
  const signal = Float32Array.from({ length: 10_000 }, (_, i) => (i % 2 === 0 ? 3 : -3));
  const noisy = signal.slice();
  addConditionNoise(7, 'cls', 5, 0.2, noisy);
  const added = noisy.map((number, i) => number - signal[i]!);
  const mean = added.reduce((sum, x) => sum + x, 0) / added.length;
  const deviation = Math.sqrt(added.reduce((sum, x) => sum + x * x, 0) / added.length);
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(deviation).toBeCloseTo(0.6, 1);
  const [again, other] = [signal.slice(), signal.slice()];
  addConditionNoise(7, 'cls', 5, 0.2, again);
  addConditionNoise(7, 'cls', 6, 0.2, other);
  expect(again).toEqual(noisy);
  expect(other).not.toEqual(noisy);
  const black = new Float32Array(8);
  addConditionNoise(7, 'patches', 5, 0.2, black);
  expect(black).toEqual(new Float32Array(8));
});
