/**
 * @file Tries every combination of some values of a config, and thins them out by successive halving. All runs have the
 * schedules of the whole length, and stop early: one that goes on goes on from its checkpoint, with the bits of a run
 * that was never stopped.
 */
import { z } from 'zod';
import type { FindPictures } from '../configs/preset-files.ts';
import { type Sweep, type SweepResult, sweepSchema } from '../configs/sweep.ts';
import { canonicalDigest, canonicalJson, type Json } from '../storage/canonical.ts';
import { digestSchema } from '../storage/records.ts';
import { resolveArm, stepsOf } from './comparison/arm-config.ts';
import { createRun, type Ground, type Run, trainRun } from './comparison/arm-run.ts';
import { compareRuns, type RunReport } from './comparison/compare-runs.ts';
import { layGround } from './comparison/grid-ground.ts';
import { combineValues, nestKeys, planRungs, type Rung, rankRuns, type Scored, stepsAt } from './comparison/halving.ts';
import { heldOutLossAt } from './comparison/run-record.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { readChunks } from './experiments/chunk-pages.ts';
import { readHead } from './experiments/experiment-head.ts';
import { trainingEngineRequestSchema } from './experiments/resolve-engine.ts';
import { rememberPictureSize } from './experiments/training-size.ts';

/** In one report. */
const MOST_ARMS = 12;
/** Characters. */
const LONGEST_ARM = 40;
/** Hexadecimal digits of the digest of the values, in the name of an experiment. */
const TAG_LENGTH = 8;

interface SweepRun extends Run {
  /** By key of the config. */
  readonly values: Readonly<Record<string, Json>>;
  /** Of the values, at the end of the name. */
  readonly tag: string;
}

export const sweep = defineFunction({
  name: 'sweep',
  summary:
    'Trains configs with every combination of some values, leaves the worse half out after 1 % of the steps and at ' +
    'later rungs, and trains the best one to its end. The same call goes on after any stop.',
  version: 1,
  kind: 'effect',
  digests: { dataset: 'dataset' },
  example: {
    dataset: 'portraits',
    sweep: { name: 'rate', base: 'portraits', set: { 'optimizer.learning_rate': [0.001, 0.002, 0.004, 0.008] } },
  },
  input: z.strictObject({
    sweep: sweepSchema.describe('the values to try, and the config that they change'),
    dataset: digestSchema.describe('dataset to train on, or its name'),
    engine: trainingEngineRequestSchema.default('auto').describe('engine of all runs'),
  }),
  key: body => canonicalJson(body),
  async run(ctx, { sweep: asked, dataset: whole, engine }) {
    // A wrong key is found out before a subset is made, and gets a name.
    await resolveRuns(asked, rememberPictureSize(ctx.blobs, whole));
    const data = await layGround(ctx, whole, asked);
    const runs = await resolveRuns(asked, rememberPictureSize(ctx.blobs, data.dataset));
    const ground: Ground = { dataset: data.dataset, called: data.called, engine };
    for (const run of runs) await createRun(ctx, run, ground, asked.name);
    const steps = Math.min(...runs.map(({ config }) => stepsOf(config)));
    const rungs = planRungs(runs.length, steps, asked.first, asked.finalists);

    let alive: readonly SweepRun[] = runs;
    let compared: readonly SweepRun[] = [];
    const answers: SweepResult['rungs'] = [];
    for (const [k, rung] of rungs.entries()) {
      const ranked = await climb(ctx, alive, rung, `rung ${k + 1} of ${rungs.length}`);
      const next = rungs[k + 1]?.runs ?? 0;
      const going = ranked.slice(0, next).filter(({ score }) => score !== undefined);
      answers.push({ share: rung.share, runs: ranked.map((each, i) => describeRun(each, rung, i < going.length)) });
      alive = (next > 0 ? going : ranked.filter(({ score }) => score !== undefined)).map(({ run }) => run);
      if (k >= rungs.length - 2 || alive.length === 0) compared = uniteRuns(ranked, compared);
      if (alive.length === 0) break;
    }
    const [best] = alive;
    const { engine: spec } = (await readHead(ctx.store, runs[0]?.experiment ?? '')).value;
    return {
      v: 1,
      kind: 'sweep',
      name: asked.name,
      dataset: data.dataset,
      ...(data.called !== undefined && { dataset_name: data.called }),
      ...(data.subset && { subset: { ...data.subset } }),
      engine: `${spec.name} ${spec.precision}`,
      rungs: answers as Json,
      ...(best && { best: { experiment: best.experiment, values: best.values } }),
      report: await compareBest(ctx, asked, compared),
    };
  },
});

/** The name of a run holds the digest of its values, so that a sweep with more values finds the runs it has. */
async function resolveRuns(asked: Sweep, findPictures: FindPictures): Promise<SweepRun[]> {
  const combinations = combineValues<Json>(asked.set);
  return Promise.all(
    combinations.map(async values => {
      const changes = [asked.config, nestKeys(values)];
      const { base, seed, steps } = asked;
      const resolved = await resolveArm(JSON.stringify(values), { base, findPictures, changes, seed, steps });
      const config = { ...resolved, run: { ...resolved.run, validation: resolved.run.validation ?? { pictures: 64 } } };
      const tag = canonicalDigest(values).slice('sha256:'.length, 'sha256:'.length + TAG_LENGTH);
      return { values, tag, config, experiment: `${asked.name}-${tag}` };
    }),
  );
}

/** Best first: those of the later rung, then those that were left out before it. */
function uniteRuns(ranked: readonly Scored<SweepRun>[], before: readonly SweepRun[]): SweepRun[] {
  return [...new Set([...ranked.map(({ run }) => run), ...before])];
}

/**
 * The finalists beside those that were left out last: earlier ones would be compared with them at the few steps that
 * they took. An arm is called by its values, `learning_rate=0.001 type=muon`, where that fits a table.
 */
function compareBest(ctx: EffectContext, { name, set }: Sweep, best: readonly SweepRun[]): Promise<RunReport> {
  const tried = Object.keys(set).filter(key => (set[key]?.length ?? 0) > 1);
  const shown = best.slice(0, MOST_ARMS);
  const names = shown.map(({ values }) =>
    tried.map(key => `${key.split('.').at(-1)}=${showValue(values[key])}`).join(' '),
  );
  const groups = shown.map(({ experiment, tag }, i): [string, string[]] => {
    const words = names[i] ?? '';
    const fits = words !== '' && words.length <= LONGEST_ARM && names.indexOf(words) === names.lastIndexOf(words);
    return [fits ? words : tag, [experiment]];
  });
  return compareRuns(ctx, { groups: Object.fromEntries(groups), title: name });
}

const showValue = (value: Json | undefined) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Trains the runs up to a rung, one after the other. @returns Best first. */
async function climb(
  ctx: EffectContext,
  runs: readonly SweepRun[],
  { share }: Rung,
  place: string,
): Promise<Scored<SweepRun>[]> {
  const scored: Scored<SweepRun>[] = [];
  for (const [i, run] of runs.entries()) {
    const steps = stepsAt(share, stepsOf(run.config));
    const head = await trainRun(ctx, run, { steps, place: `${place}, run ${i + 1} of ${runs.length}` });
    scored.push({ run, score: await heldOutLossAt(ctx.blobs, await readChunks(ctx.blobs, head), steps) });
  }
  return rankRuns(scored);
}

function describeRun(
  { run, score }: Scored<SweepRun>,
  { share }: Rung,
  goesOn: boolean,
): SweepResult['rungs'][number]['runs'][number] {
  return {
    experiment: run.experiment,
    values: run.values,
    steps: stepsAt(share, stepsOf(run.config)),
    held_out_loss: score ?? null,
    goes_on: goesOn,
  };
}
