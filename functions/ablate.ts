/**
 * @file Trains the arms of a grid with each seed, one after the other, and compares them. The same call goes on after
 * any stop, and does nothing when all is done.
 */
import { z } from 'zod';
import { type Grid, type GridResult, gridSchema, probeName, runName } from '../configs/grid.ts';
import type { FindPictures } from '../configs/preset-files.ts';
import { overrideConfig } from '../configs/presets.ts';
import type { Config } from '../configs/schema.ts';
import { Conflict, Internal, Unprocessable } from '../errors.ts';
import { canonicalJson } from '../storage/canonical.ts';
import type { ExperimentHead } from '../storage/experiment-record.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema } from '../storage/records.ts';
import { type ArmRequest, resolveArm, stepsOf } from './comparison/arm-config.ts';
import { createRun, type Ground, type Run, trainRun } from './comparison/arm-run.ts';
import { compareRuns, type RunReport } from './comparison/compare-runs.ts';
import { layGround } from './comparison/grid-ground.ts';
import { lastSpeed, planMemoryOf, recordRun } from './comparison/run-record.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { readConfig } from './experiments/experiment-head.ts';
import { trainingEngineRequestSchema } from './experiments/resolve-engine.ts';
import { isDivergence } from './experiments/training-health.ts';
import { rememberPictureSize } from './experiments/training-size.ts';

interface GridRun extends Run {
  readonly arm: string;
  readonly seed: number;
}

export const ablate = defineFunction({
  name: 'ablate',
  summary:
    'Trains the arms of a grid on the same pictures with the same seeds, one run after the other, and compares them. ' +
    'The same call goes on after any stop.',
  version: 1,
  kind: 'effect',
  digests: { dataset: 'dataset' },
  example: {
    dataset: 'portraits',
    grid: {
      name: 'muon',
      base: 'portraits',
      steps: 100,
      seeds: [0, 1, 2],
      arms: { adamw: { config: { optimizer: { type: 'adamw' } } }, muon: {} },
    },
  },
  input: z.strictObject({
    grid: gridSchema.describe('arms, base, seeds and steps, as configs/ablation.yaml has them'),
    dataset: digestSchema.describe('dataset to train on, or its name'),
    engine: trainingEngineRequestSchema.default('auto').describe('engine of all runs'),
  }),
  key: body => canonicalJson(body),
  async run(ctx, { grid, dataset: whole, engine }) {
    // A wrong key is found out before a subset is made, and gets a name.
    await resolveArms(grid, rememberPictureSize(ctx.blobs, whole), stepsOfGrid(grid));
    const data = await layGround(ctx, whole, grid);
    const ground: Ground = { dataset: data.dataset, called: data.called, engine };
    const findPictures = rememberPictureSize(ctx.blobs, data.dataset);
    const steps =
      grid.seconds === undefined
        ? stepsOfGrid(grid)
        : await measureSteps(ctx, grid, { ground, findPictures, seconds: grid.seconds });
    const runs = await resolveArms(grid, findPictures, steps);
    // A name that is taken is found out before hours of training.
    for (const run of runs) await createRun(ctx, run, ground, grid.name);

    const rows: GridResult['runs'] = [];
    let spec = '';
    const planned = new Map<string, number | undefined>();
    for (const [i, run] of runs.entries()) {
      const { arm, seed, experiment } = run;
      const head = await trainRun(ctx, run, { place: `run ${i + 1} of ${runs.length}` });
      if (grid.validate && !isDivergence(head.problem)) {
        const validation = { checkpoint: `${experiment}@latest`, ...grid.validate };
        await ctx.callEffect('validate', validation).catch(passOver);
      }
      spec = `${head.engine.name} ${head.engine.precision}`;
      if (!planned.has(arm)) planned.set(arm, await planMemoryOf(ctx, head));
      const memory = planned.get(arm);
      const record = await recordRun(ctx.blobs, head);
      rows.push({ experiment, arm, seed, ...record, ...(memory !== undefined && { planned_memory_gb: memory }) });
    }
    return {
      v: 1,
      kind: 'grid',
      name: grid.name,
      dataset: data.dataset,
      ...(data.called !== undefined && { dataset_name: data.called }),
      ...(data.subset && { subset: { ...data.subset } }),
      engine: spec,
      runs: rows.map(row => ({ ...row })),
      report: await compareArms(ctx, grid),
    };
  },
});

/** Seeds are repeats of their arm. */
function compareArms(ctx: EffectContext, grid: Grid): Promise<RunReport> {
  const groups = Object.keys(grid.arms).map(arm => [arm, grid.seeds.map(seed => runName(grid, arm, seed))] as const);
  return compareRuns(ctx, {
    groups: Object.fromEntries(groups),
    ...(grid.baseline !== undefined && { baseline: grid.baseline }),
    title: grid.title ?? grid.name,
    questions: grid.questions,
  });
}

/** Steps of an arm; undefined: as its config says. */
type StepsOf = (arm: string) => ArmRequest['steps'];

const stepsOfGrid =
  ({ steps, seconds }: Grid): StepsOf =>
  () =>
    seconds === undefined ? steps : 'measured';

/** The first seed of all arms first, so that a grid that is stopped early can be compared. */
async function resolveArms(grid: Grid, findPictures: FindPictures, steps: StepsOf): Promise<GridRun[]> {
  const runs: GridRun[] = [];
  for (const seed of grid.seeds) {
    for (const arm of Object.keys(grid.arms)) {
      const config = await resolveArm(`arm ${arm}`, { ...requestOf(grid, findPictures, arm), seed, steps: steps(arm) });
      runs.push({ arm, seed, config, experiment: runName(grid, arm, seed) });
    }
  }
  return runs;
}

function requestOf({ base, config, arms }: Grid, findPictures: FindPictures, arm: string) {
  return { base, findPictures, changes: [config, arms[arm]?.config ?? {}] };
}

/**
 * The steps that each arm takes in the seconds, by its own speed. The speed is measured once, so that all seeds have
 * equal steps, and a later call finds the same. Without the measurement, an arm with a run has the steps of that run.
 * @throws Conflict if the runs of an arm have the steps of other seconds
 */
async function measureSteps(
  ctx: EffectContext,
  grid: Grid,
  { ground, findPictures, seconds }: { ground: Ground; findPictures: FindPictures; seconds: number },
): Promise<StepsOf> {
  const steps = new Map<string, number>();
  for (const [i, arm] of Object.keys(grid.arms).entries()) {
    const experiment = probeName(grid, arm);
    const known = await findSteps(ctx, grid, arm);
    const isMeasured = (await createRefs(ctx.store).experiments.read(experiment)) !== undefined;
    if (known !== undefined && !isMeasured) {
      steps.set(arm, known);
      continue;
    }
    const request = { ...requestOf(grid, findPictures, arm), seed: 0 };
    const config = toProbe(await resolveArm(`arm ${arm}`, request), grid.probe_steps);
    const probe: Run = { experiment, config };
    await createRun(ctx, probe, ground, grid.name);
    const place = `speed of arm ${i + 1} of ${Object.keys(grid.arms).length}`;
    const head = await trainRun(ctx, probe, { steps: Math.min(grid.probe_steps, stepsOf(config)), place });
    const allowed = Math.max(1, Math.floor(seconds * speedOf(probe, head)));
    if (known !== undefined && known !== allowed) throw tellOtherTime(grid, arm, { seconds, allowed, known });
    steps.set(arm, allowed);
  }
  return arm => steps.get(arm);
}

function tellOtherTime(
  { name }: Grid,
  arm: string,
  { seconds, allowed, known }: Readonly<Record<'seconds' | 'allowed' | 'known', number>>,
): Conflict {
  return new Conflict(
    `the runs of arm ${arm} of "${name}" have ${known} steps, but ${seconds} seconds allow ${allowed}`,
    { expected: 'the seconds of the earlier call', hint: 'another name is another grid' },
  );
}

async function findSteps(ctx: EffectContext, grid: Grid, arm: string): Promise<number | undefined> {
  const refs = createRefs(ctx.store).experiments;
  for (const seed of grid.seeds) {
    const head = (await refs.read(runName(grid, arm, seed)))?.value;
    if (head) return stepsOf(await readConfig(ctx.blobs, head));
  }
  return undefined;
}

/** Two chunks, of which the second counts: in the first, an engine compiles and warms up. Nothing else runs. */
function toProbe(config: Config, steps: number): Config {
  const run = { chunk_steps: Math.ceil(steps / 2), keep: 1, preview: { prompts: [] } };
  return overrideConfig(config, { run: { ...run, held_out_pictures: null, validation: null } });
}

function speedOf({ experiment }: Run, head: ExperimentHead): number {
  const speed = lastSpeed(head);
  if (speed !== undefined && speed > 0) return speed;
  throw new Internal(`the training of "${experiment}" did not tell its speed`);
}

/** An arm, or a dataset, for which none of the tests can be made goes on without: its report has no validation. */
function passOver(error: unknown): void {
  if (!(error instanceof Unprocessable)) throw error;
}
