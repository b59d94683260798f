/** @file Task of the worker pool: scores of trained pictures beside those of held-out ones, measure by measure. */
import type { MeasureName } from '../../configs/picture-scores.ts';
import type { GapMeasures } from '../../configs/split-gap.ts';
import { bootstrapDifference, bootstrapMean } from '../../metrics/bootstrap.ts';

/** Scores by measure. A measure that one of both lacks is left out. */
type Scores = Readonly<Partial<Record<MeasureName, readonly number[]>>>;

export interface CompareSplitScoresTask {
  readonly train: Scores;
  readonly heldOut: Scores;
}

export function compareSplitScores({ train, heldOut }: CompareSplitScoresTask): GapMeasures {
  const measures = (Object.keys(train) as MeasureName[]).flatMap(measure => {
    const [before = [], after = []] = [train[measure], heldOut[measure]];
    if (before.length === 0 || after.length === 0) return [];
    const sides = { train: sideOf(before), held_out: sideOf(after) };
    return [[measure, { ...sides, difference: bootstrapDifference(after, before) }] as const];
  });
  return Object.fromEntries(measures);
}

function sideOf(values: readonly number[]) {
  return { n: values.length, ...bootstrapMean(values) };
}
