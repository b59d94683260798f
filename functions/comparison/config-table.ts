/** @file The keys in which the configs of arms differ, and what else sets the runs apart. */
import { groupNotes } from '../../configs/group-notes.ts';
import type { Json } from '../../storage/canonical.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import { listDifferences } from '../experiments/config-differences.ts';
import type { ConfigRow } from './comparison-report.ts';
import type { RunRecord } from './read-run.ts';

export interface ArmRuns {
  readonly name: string;
  readonly runs: readonly RunRecord[];
}

/** The settings of a run that decide bits; plus how it is cut and what it is computed with. */
function settingsOf({ settings, engine, plan, dataset_name, dataset }: RunRecord): Json {
  const { run: _, seed: __, ...keyed } = settings;
  return JSON.parse(JSON.stringify({ ...keyed, dataset: dataset_name ?? dataset, engine, plan }));
}

/** Rows in the order of the configs. The first run of an arm stands for it. */
export function tabulateConfigs(arms: readonly ArmRuns[]): ConfigRow[] {
  const flat = arms.map(({ name, runs: [first] }) => ({
    name,
    values: first ? flatten(settingsOf(first)) : new Map(),
  }));
  const keys = [...new Set(flat.flatMap(({ values }) => [...values.keys()]))];
  return keys.flatMap(key => {
    const values = flat.map(({ name, values: own }) => [name, own.get(key) ?? null] as const);
    const isEqual = new Set(values.map(([, value]) => canonicalJson(value))).size === 1;
    return isEqual ? [] : [{ key, values: Object.fromEntries(values) }];
  });
}

/** Leaves by their path: { model: { depth: 4 } } -> model.depth. Arrays are leaves. */
function flatten(value: Json, path: readonly string[] = []): Map<string, Json> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[path.join('.'), value]]);
  return new Map(Object.entries(value).flatMap(([key, child]) => [...flatten(child ?? null, [...path, key])]));
}

/** Sentences about what a reader would not expect of the runs. */
export function noteRuns(arms: readonly ArmRuns[]): string[] {
  const runs = arms.flatMap(arm => arm.runs);
  return [
    ...arms.flatMap(noteRepeats),
    ...noteUnfinished(runs),
    ...noteData(runs),
    ...noteMachines(runs),
    ...noteExperiments(runs),
    ...runs.flatMap(({ experiment, began_with }) =>
      began_with === undefined
        ? []
        : [`${experiment} began with the state or weights of ${began_with}: its costs are counted from there.`],
    ),
  ];
}

/** Each kind of note once, with all runs that it is about. */
function noteExperiments(runs: readonly RunRecord[]): string[] {
  const noted = runs.map(({ experiment, notes = [] }) => ({ name: experiment, notes: notes.map(text => ({ text })) }));
  return groupNotes(noted, runs.length).map(line => `${line}.`);
}

/** Repeats of an arm may differ in the seed only. */
function noteRepeats({ name, runs }: ArmRuns): string[] {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  const differences = others.flatMap(run =>
    listDifferences(settingsOf(first), settingsOf(run)).map(text => `${run.experiment}: ${text}`),
  );
  const seeds = runs.map(({ seed }) => seed);
  return [
    ...(differences.length > 0
      ? [`The runs of ${name} differ in more than the seed from ${first.experiment}. ${differences.join('; ')}.`]
      : []),
    ...(new Set(seeds).size < seeds.length ? [`Runs of ${name} have the same seed: they are no repeats.`] : []),
  ];
}

function noteUnfinished(runs: readonly RunRecord[]): string[] {
  return runs.flatMap(({ experiment, state, target, points }) => {
    const samples = points.at(-1)?.samples ?? 0;
    if (samples === 0) return [`${experiment} is not trained yet.`];
    if (samples >= target) return [];
    return [`${experiment} is ${state}: it has seen ${samples} of ${target} samples.`];
  });
}

function noteData(runs: readonly RunRecord[]): string[] {
  if (new Set(runs.map(({ dataset }) => dataset)).size === 1) return [];
  return ['The runs were trained on different datasets, or versions of one: their losses cannot be compared.'];
}

function noteMachines(runs: readonly RunRecord[]): string[] {
  const missing = runs.filter(({ borders }) => borders.length > 0 && borders.at(-1)?.seconds === undefined);
  return [
    ...(missing.length > 0
      ? [`Seconds are not known of ${missing.map(({ experiment }) => experiment).join(', ')}.`]
      : []),
    ...(new Set(runs.map(({ engine }) => canonicalJson(engine))).size > 1
      ? ['The runs were computed by different engines: their seconds and memory tell of the engines, too.']
      : []),
  ];
}
