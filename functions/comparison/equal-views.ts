/** @file The runs at equal samples, seconds and operations: each at its last checkpoint within what the least spent. */
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import { listDifferences } from '../experiments/config-differences.ts';
import type { EqualView, MeasureRow } from './comparison-report.ts';
import type { ArmRuns } from './config-table.ts';
import { compareArms, type Difference, summarizeArm, valuesOf } from './differences.ts';
import type { Measure } from './measures.ts';
import { type Border, borderWithin, COSTS, type CostName, type RunRecord } from './read-run.ts';

/** The border of each run within a budget; runs without a chunk have none. */
export interface BudgetedRuns {
  readonly at: CostName;
  readonly budget: number;
  borderOf(run: RunRecord): Border | undefined;
}

/** What the run that spent least had spent, in each cost that all trained runs tell. */
export function listBudgets(runs: readonly RunRecord[]): BudgetedRuns[] {
  const last = runs.flatMap(({ borders }) => borders.slice(-1));
  return COSTS.flatMap(at => {
    const spent = last.map(border => border[at]);
    const known = spent.filter(value => value !== undefined && value > 0);
    if (known.length === 0 || known.length < spent.length) return [];
    const budget = Math.min(...(known as number[]));
    const borders = new Map(runs.map(run => [run, borderWithin(run, at, budget)]));
    return [{ at, budget, borderOf: run => borders.get(run) }];
  });
}

/** @param measures Those that no arm tells have no row. */
export function viewAt(budgeted: BudgetedRuns, arms: readonly ArmRuns[], measures: readonly Measure[]): EqualView {
  const { at, budget, borderOf } = budgeted;
  const runs = arms.flatMap(arm => arm.runs);
  const rows = measures.map(measure => measureArms(measure, arms, borderOf));
  return {
    at,
    budget,
    steps: Object.fromEntries(runs.map(run => [run.experiment, borderOf(run)?.step ?? null])),
    // At equal seconds or FLOPs, what one arm alone tells compares nothing; the first view has it.
    rows: rows.filter(
      ({ arms: told }) => Object.keys(told).length >= (at === 'samples' ? 1 : Math.min(2, arms.length)),
    ),
  };
}

function measureArms(measure: Measure, arms: readonly ArmRuns[], borderOf: BudgetedRuns['borderOf']): MeasureRow {
  const { key, label, unit, better } = measure;
  const found = arms.map(arm => ({
    arm,
    values: valuesOf(
      measure,
      arm.runs.map(run => ({ run, border: borderOf(run) })),
    ),
  }));
  const [baseline, ...others] = found;
  const summaries = found.flatMap(({ arm, values }) => {
    const summary = summarizeArm(values);
    return summary ? [[arm.name, summary] as const] : [];
  });
  const differences = others.flatMap(({ arm, values }) => {
    const difference = baseline && compareArms(measure, baseline.values, values);
    if (baseline === undefined || difference === undefined) return [];
    const runs = [...baseline.arm.runs, ...arm.runs];
    return [[arm.name, refuseOtherMeaning(difference, meaningsOf(measure, runs, borderOf))] as const];
  });
  const controls = controlsOf(measure, arms, borderOf);
  return {
    measure: key,
    label,
    unit,
    ...(better && { better }),
    arms: byName(summaries),
    differences: byName(differences),
    ...(controls.length > 0 && { controls }),
  };
}

/** An arm may have the name of what every object has: `constructor`. */
function byName<T>(entries: readonly (readonly [name: string, value: T])[]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** What the number means in the runs that tell it, each meaning once. */
function meaningsOf(measure: Measure, runs: readonly RunRecord[], borderOf: BudgetedRuns['borderOf']): Json[] {
  const meanings = runs.flatMap(run => {
    const border = borderOf(run);
    return border && measure.of(run, border) ? [measure.meaning?.(run, border) ?? null] : [];
  });
  return [...new Map(meanings.map(meaning => [canonicalJson(meaning), meaning])).values()];
}

/** A number that means something else in one of the runs is no evidence. */
function refuseOtherMeaning(difference: Difference, meanings: readonly Json[]): Difference {
  const [meant, means] = meanings;
  if (meant === undefined || means === undefined) return difference;
  const incomparable = listDifferences(meant, means).map(text => text.replace(/ \(.*$/s, ''));
  const { better: _, ...rest } = difference;
  return { ...rest, real: 'unknown', incomparable };
}

/** Of the first run that tells any: all runs have the same pictures. */
function controlsOf({ controls }: Measure, arms: readonly ArmRuns[], borderOf: BudgetedRuns['borderOf']) {
  const told = arms
    .flatMap(arm => arm.runs)
    .map(run => {
      const border = borderOf(run);
      return border && controls ? controls(run, border) : [];
    });
  return told.find(rows => rows.length > 0) ?? [];
}
