/**
 * @file How an arm differs from the baseline in one number, and whether the difference is real: the 95 % interval
 * excludes 0, and the difference exceeds the spread of the seeds.
 */
import { type Interval, pairedBootstrap } from '../../metrics/bootstrap.ts';
import type { Measure } from './measures.ts';
import type { RunRecord } from './read-run.ts';
import type { Measured } from './scored.ts';
import { deviationOf, meanOf, pairedInterval, welchInterval } from './student-interval.ts';

/** The bootstrap draws the same resamples in every report. */
const BOOTSTRAP = { seed: 42, resamples: 10_000 } as const;
/** Fewer pictures say nothing. */
const LEAST_PICTURES = 5;

/** What an arm has of a measure: one number for each of its runs that tells it. */
export interface ArmValues {
  readonly values: readonly { readonly seed: number | string; readonly measured: Measured }[];
}

export interface ArmSummary {
  readonly mean: number;
  /** Number of runs. */
  readonly runs: number;
  /** Between the runs; absent: one run. */
  readonly sd?: number;
  /** Number of pictures in each; absent: the number is not a mean over pictures. */
  readonly pictures?: number;
}

export interface Difference extends Partial<Pick<Interval, 'low' | 'high'>> {
  /** Arm less baseline. */
  readonly mean: number;
  /** Where the interval comes from: paired bootstrap over pictures, or Student's t over runs. Absent: no interval. */
  readonly by?: 'pictures' | 'seeds';
  /** Number of pictures or runs behind the interval. */
  readonly of?: number;
  /** Between runs of one arm, pooled; absent: no arm has two runs. */
  readonly seeds_sd?: number;
  /** Keys of the configs that give the number another meaning in the arm; then it is not compared. */
  readonly incomparable?: readonly string[];
  /** `unknown`: there is no interval, or no second seed to tell the spread of seeds. */
  readonly real: 'yes' | 'no' | 'unknown';
  /** Whether the arm is better than the baseline by this number, if the difference is real. */
  readonly better?: boolean;
}

export function summarizeArm({ values }: ArmValues): ArmSummary | undefined {
  if (values.length === 0) return undefined;
  const numbers = values.map(({ measured }) => measured.value);
  const sd = deviationOf(numbers);
  const pictures = values[0]?.measured.byPicture?.size;
  return {
    mean: meanOf(numbers),
    runs: numbers.length,
    ...(sd !== undefined && { sd }),
    ...(pictures !== undefined && { pictures }),
  };
}

/** Undefined if one of the two does not tell the measure. */
export function compareArms(measure: Measure, baseline: ArmValues, arm: ArmValues): Difference | undefined {
  const [a, b] = [summarizeArm(baseline), summarizeArm(arm)];
  if (a === undefined || b === undefined) return undefined;
  const interval = intervalByPictures(baseline, arm) ?? intervalBySeeds(baseline, arm);
  const mean = interval?.mean ?? b.mean - a.mean;
  const sd = pooledDeviation([baseline, arm]);
  const real = judge(mean, interval, sd);
  return {
    mean,
    ...(interval && { low: interval.low, high: interval.high, by: interval.by, of: interval.of }),
    ...(sd !== undefined && { seeds_sd: sd }),
    real,
    ...(real === 'yes' && measure.better && { better: measure.better === 'lower' ? mean < 0 : mean > 0 }),
  };
}

/** recipe (e.6) of the project. */
function judge(mean: number, interval: Interval | undefined, sd: number | undefined): Difference['real'] {
  if (interval === undefined) return 'unknown';
  if (interval.low <= 0 && interval.high >= 0) return 'no';
  if (sd === undefined) return 'unknown';
  return Math.abs(mean) > sd ? 'yes' : 'no';
}

type BasedInterval = Interval & { readonly by: 'pictures' | 'seeds'; readonly of: number };

/** Pictures that both arms have, each as the mean of the arm's runs. */
function intervalByPictures(baseline: ArmValues, arm: ArmValues): BasedInterval | undefined {
  const [a, b] = [byPicture(baseline), byPicture(arm)];
  if (a === undefined || b === undefined) return undefined;
  const shared = [...a.keys()].filter(id => b.has(id)).sort();
  if (shared.length < LEAST_PICTURES) return undefined;
  const take = (of: ReadonlyMap<string, number>) => shared.map(id => of.get(id) ?? Number.NaN);
  // The bootstrap tells of first less second.
  const { mean, low, high } = pairedBootstrap(take(b), take(a), BOOTSTRAP);
  return { mean, low, high, by: 'pictures', of: shared.length };
}

/** The mean of each picture over the runs that have it; undefined if a run has no numbers of pictures. */
function byPicture({ values }: ArmValues): ReadonlyMap<string, number> | undefined {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { measured } of values) {
    if (measured.byPicture === undefined) return undefined;
    for (const [id, value] of measured.byPicture) {
      const { sum, count } = sums.get(id) ?? { sum: 0, count: 0 };
      sums.set(id, { sum: sum + value, count: count + 1 });
    }
  }
  return new Map([...sums].map(([id, { sum, count }]) => [id, sum / count]));
}

/** Seeds that both arms have are compared in pairs: they share data order and noise. */
function intervalBySeeds(baseline: ArmValues, arm: ArmValues): BasedInterval | undefined {
  const bySeed = ({ values }: ArmValues) => new Map(values.map(({ seed, measured }) => [seed, measured.value]));
  const [a, b] = [bySeed(baseline), bySeed(arm)];
  const seeds = [...a.keys()].filter(seed => b.has(seed));
  const take = (of: ReadonlyMap<number | string, number>) => seeds.map(seed => of.get(seed) ?? Number.NaN);
  const isPaired = seeds.length === baseline.values.length && seeds.length === arm.values.length;
  const all = ({ values }: ArmValues) => values.map(({ measured }) => measured.value);
  const found = isPaired ? pairedInterval(take(a), take(b)) : welchInterval(all(baseline), all(arm));
  return found && { ...found, by: 'seeds', of: baseline.values.length + arm.values.length };
}

/** The spread of runs around the mean of their arm. */
function pooledDeviation(arms: readonly ArmValues[]): number | undefined {
  const repeated = arms.filter(({ values }) => values.length > 1);
  if (repeated.length === 0) return undefined;
  const degrees = repeated.reduce((sum, { values }) => sum + values.length - 1, 0);
  const squares = repeated.reduce((sum, { values }) => {
    const sd = deviationOf(values.map(({ measured }) => measured.value)) ?? 0;
    return sum + (values.length - 1) * sd ** 2;
  }, 0);
  return Math.sqrt(squares / degrees);
}

/** The numbers of an arm's runs, at a border of each. */
export function valuesOf(
  measure: Measure,
  runs: readonly { readonly run: RunRecord; readonly border: RunRecord['borders'][number] | undefined }[],
): ArmValues {
  return {
    values: runs.flatMap(({ run, border }) => {
      const measured = border && measure.of(run, border);
      return measured ? [{ seed: run.seed, measured }] : [];
    }),
  };
}
