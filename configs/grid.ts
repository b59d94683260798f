/** @file An ablation grid: arms that change single parts of one config, each trained with several seeds. */
import { z } from 'zod';
import { LARGEST_PLAIN_SEED, LONGEST_SECONDS, MOST_PICTURES, MOST_SAMPLES } from './bounds.ts';
import { LONGEST_NAME } from './stored-names.ts';
import { TEST_NAMES } from './suite-tests.ts';

/** Experiments of a grid, and configs of a sweep. More would be months, or a mistake. */
export const MOST_SEEDS = 32;
const MOST_ARMS = 12;
/** Runs that one report compares. */
const MOST_RUNS = 48;
/** Leaves room for the arm and the seed in the name of an experiment. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,39}$/;

const keys = z.record(z.string(), z.json());

/** A config as people write it. */
export const writtenConfigSchema = z.union([z.string().min(1), keys]).describe('name of a preset, keys, or YAML');

/** What grids and sweeps have in common. */
export const trainedRunsShape = {
  v: z.literal(1).default(1),
  name: z
    .string()
    .regex(NAME, 'expected 1 to 40 of a-z 0-9 . _ -, starting with a letter or digit')
    .describe('experiments are called NAME-ARM-SEED'),
  about: z.string().max(2000).optional().describe('what it is for, for people'),
  base: writtenConfigSchema.describe('config that the arms change: name of a preset, keys, or YAML'),
  config: keys.default({}).describe('keys that all arms change; null removes one'),
  steps: z
    .int()
    .min(1)
    .max(MOST_SAMPLES)
    .optional()
    .describe('optimizer steps of a run, over which the schedules go; default: as the base says'),
  subset: z
    .int()
    .min(1)
    .max(MOST_PICTURES)
    .optional()
    .describe('pictures to train on, the same in all runs; default: all'),
  subset_seed: z.int().min(0).max(LARGEST_PLAIN_SEED).default(0).describe('another one chooses other pictures'),
};

/** Characters of the title of a report. */
const MOST_TITLE = 120;

const armNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,14}$/, 'expected 1 to 15 of A-Z a-z 0-9 _ -');
const armSchema = z.strictObject({
  about: z.string().max(300).optional(),
  config: keys.default({}).describe('keys of the base that the arm changes; `preset` takes another one'),
});

/** What answers a question of a comparison: names of measures. */
export const measuresSchema = z
  .array(
    z
      .string()
      .max(100)
      .regex(/^[a-z0-9_]+([/-][a-z0-9_.-]+)*$/, 'expected the name of a measure, such as held_out_loss'),
  )
  .min(1)
  .max(12)
  .describe(
    'memory, speed, processor, loss, loss_slope, held_out_loss; a score of the validation, as reconstruction or ' +
      'TEST/SCORE; or a column of a table of quality, as quality/CONDITION/COLUMN',
  );

/** As `compare` takes it. */
const questionSchema = z.strictObject({
  question: z.string().min(1).max(300).describe('as a reader asks it'),
  base: armNameSchema.describe('the arm to measure against'),
  arm: armNameSchema.describe('the arm that differs from it'),
  measures: measuresSchema,
});

export const gridSchema = z
  .strictObject({
    ...trainedRunsShape,
    title: z
      .string()
      .trim()
      .min(1)
      .max(MOST_TITLE)
      .optional()
      .describe('of the report, which has its name from it; default: the name of the grid'),
    seconds: z
      .number()
      .positive()
      .max(LONGEST_SECONDS)
      .optional()
      .describe('seconds of training of a run instead of steps: each arm takes as many steps as its own speed allows'),
    probe_steps: z
      .int()
      .min(2)
      .max(10_000)
      .default(40)
      .describe('with seconds: steps by which the speed of an arm is measured, the first half of them not counted'),
    seeds: z
      .array(z.int().min(0).max(LARGEST_PLAIN_SEED))
      .min(1)
      .max(MOST_SEEDS)
      .refine(seeds => new Set(seeds).size === seeds.length, { error: 'expected each seed once' })
      .default([0])
      .describe('each arm is trained with each of them: noise and order of the pictures are equal in all arms'),
    arms: z.record(armNameSchema, armSchema),
    validate: z
      .strictObject({
        tests: z.array(z.enum(TEST_NAMES)).min(1).default(['reconstruction']),
        count: z.int().min(1).max(64).default(25).describe('held-out pictures of each test'),
      })
      .nullable()
      .prefault({})
      .describe('the validation of each run at its end, as `validate` does it; null: none'),
    baseline: armNameSchema.optional().describe('arm that the others are measured against; default: the first'),
    questions: z.array(questionSchema).max(12).default([]).describe('what the report answers'),
  })
  .superRefine(checkGrid);
export type Grid = z.output<typeof gridSchema>;

type Checked = Pick<Grid, 'name' | 'steps' | 'seconds' | 'seeds' | 'arms' | 'baseline' | 'questions'>;

function checkGrid({ name, steps, seconds, seeds, arms, baseline, questions }: Checked, ctx: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) => ctx.addIssue({ code: 'custom', path, message });
  if (steps !== undefined && seconds !== undefined) refuse(['seconds'], 'steps or seconds, not both');
  const names = Object.keys(arms);
  if (names.length === 0 || names.length > MOST_ARMS) refuse(['arms'], `expected 1 to ${MOST_ARMS} arms`);
  if (names.length * seeds.length > MOST_RUNS) refuse(['seeds'], `more than ${MOST_RUNS} runs`);
  const lower = names.map(name => name.toLowerCase());
  const twice = names.find((_, i) => lower.indexOf(lower[i] ?? '') !== i);
  if (twice !== undefined) refuse(['arms', twice], 'another arm has this name: experiments have lower-case names');
  if (lower.includes(PROBE)) refuse(['arms', PROBE], 'a word that the names of experiments use themselves');
  const long = names.find(arm => seeds.some(seed => runName({ name }, arm, seed).length > LONGEST_NAME));
  if (long !== undefined)
    refuse(['arms', long], `the name NAME-ARM-SEED of its experiments has more than ${LONGEST_NAME} characters`);
  const known = (name: string | undefined) => name === undefined || Object.hasOwn(arms, name);
  const expected = `expected one of: ${names.join(', ')}`;
  if (!known(baseline)) refuse(['baseline'], `there is no arm ${baseline}; ${expected}`);
  for (const [i, { base, arm }] of questions.entries()) {
    if (!known(base)) refuse(['questions', i, 'base'], `there is no arm ${base}; ${expected}`);
    if (!known(arm)) refuse(['questions', i, 'arm'], `there is no arm ${arm}; ${expected}`);
  }
}

/** Stands for the seed in the name of an experiment that only measures speed. */
const PROBE = 'probe';

export function runName({ name }: Pick<Grid, 'name'>, arm: string, seed: number): string {
  return `${name}-${arm.toLowerCase()}-${seed}`;
}

export function probeName({ name }: Pick<Grid, 'name'>, arm: string): string {
  return `${name}-${arm.toLowerCase()}-${PROBE}`;
}

/** The grid with some of its arms, and the questions that these answer. @param names None: all. */
export function takeArms(grid: Grid, names: readonly string[]): Grid {
  if (names.length === 0) return grid;
  const arms = Object.fromEntries(names.flatMap(name => (grid.arms[name] ? [[name, grid.arms[name]] as const] : [])));
  const has = (name: string | undefined) => name !== undefined && Object.hasOwn(arms, name);
  const { baseline, ...rest } = grid;
  // The report of the whole grid stays.
  const title = [grid.title ?? grid.name, ...Object.keys(arms)].join(' ').slice(0, MOST_TITLE);
  return {
    ...rest,
    title,
    arms,
    ...(has(baseline) && { baseline }),
    questions: grid.questions.filter(({ base, arm }) => has(base) && has(arm)),
  };
}

/** What `compare` says of the runs: its sentence, its folder in the store, and the digests of its files. */
export const runReportSchema = z.looseObject({
  sentence: z.string(),
  folder: z.string(),
  html: z.string(),
  report: z.string(),
});

/** What `ablate` answers. */
export const gridResultSchema = z.looseObject({
  v: z.literal(1),
  kind: z.literal('grid'),
  name: z.string(),
  dataset: z.string(),
  dataset_name: z.string().optional(),
  subset: z.looseObject({ size: z.int(), of: z.int() }).optional(),
  engine: z.string(),
  runs: z.array(
    z.object({
      experiment: z.string(),
      arm: z.string(),
      seed: z.int(),
      state: z.string(),
      problem: z.string().optional(),
      steps: z.int(),
      samples: z.int(),
      /** Of training alone. */
      seconds: z.number().optional(),
      steps_per_second: z.number().optional(),
      /** Of all cores together. */
      processor_seconds: z.number().optional(),
      /** Of processors and card, with other programs on the machine. */
      energy_kwh: z.number().optional(),
      memory_gb: z.number().optional(),
      planned_memory_gb: z.number().optional(),
      loss: z.number().optional(),
      held_out_loss: z.number().optional(),
    }),
  ),
  report: runReportSchema,
});
export type GridResult = z.output<typeof gridResultSchema>;
