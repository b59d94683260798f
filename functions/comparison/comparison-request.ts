/** @file What `compare` is asked: which experiments, which of them are repeats of one arm, and which questions. */
import { z } from 'zod';
import { measuresSchema } from '../../configs/grid.ts';
import { InvalidInput } from '../../errors.ts';
import { nameSchema } from '../../storage/records.ts';

/** Curves, tables and pictures of more arms cannot be told apart. */
const MOST_ARMS = 12;
const MOST_RUNS = 48;

const armNameSchema = z.string().trim().min(1).max(40);

const questionSchema = z.strictObject({
  question: z.string().min(1).max(300).describe('as a reader asks it: What does TREAD save?'),
  base: armNameSchema.describe('the arm to measure against'),
  arm: armNameSchema.describe('the arm that differs from it'),
  measures: measuresSchema,
});
export type ComparisonQuestion = z.output<typeof questionSchema>;

export const comparisonRequestSchema = z.strictObject({
  experiments: z.array(nameSchema).max(MOST_RUNS).default([]).describe('names of experiments, each an arm of its own'),
  groups: z
    .record(armNameSchema, z.array(nameSchema).min(1).max(MOST_RUNS))
    .default({})
    .describe('arms of several experiments, which differ in the seed only: {"muon": ["muon-0", "muon-1"]}'),
  baseline: armNameSchema
    .optional()
    .describe('arm or experiment that the others are measured against; default: the first experiment, or group'),
  title: z
    .string()
    .trim()
    .min(1)
    .max(120)
    .optional()
    .describe('heading; reports/ has the report under it in lower case. Default: the arms'),
  questions: z.array(questionSchema).max(12).default([]).describe('questions that the report answers by its numbers'),
});
export type ComparisonRequest = z.input<typeof comparisonRequestSchema>;

/** Experiments that differ in the seed only. */
export interface Arm {
  readonly name: string;
  readonly experiments: readonly string[];
}

export interface ArmPlan {
  /** The baseline first. */
  readonly arms: readonly Arm[];
  readonly title: string;
  readonly questions: readonly ComparisonQuestion[];
}

/** Which experiments are compared as what. @throws InvalidInput */
export function planArms(request: z.output<typeof comparisonRequestSchema>): ArmPlan {
  const { experiments, groups, questions } = request;
  const grouped = new Set(Object.values(groups).flat());
  const single = [...new Set(experiments)].filter(name => !grouped.has(name));
  const named: readonly Arm[] = [
    ...single.map(name => ({ name, experiments: [name] })),
    ...Object.entries(groups).map(([name, members]) => ({ name, experiments: [...new Set(members)] })),
  ];
  checkArms(named);
  const baseline = findArm(named, request.baseline ?? named[0]?.name ?? '', 'baseline');
  const asked = questions.map((question, i) => ({
    ...question,
    base: findArm(named, question.base, `questions[${i}].base`).name,
    arm: findArm(named, question.arm, `questions[${i}].arm`).name,
  }));
  const arms = [baseline, ...named.filter(arm => arm !== baseline)];
  return { arms, title: request.title ?? arms.map(({ name }) => name).join(' and '), questions: asked };
}

function checkArms(arms: readonly Arm[]): void {
  if (arms.length === 0) {
    throw new InvalidInput('the call names no experiment', {
      expected: '"experiments": [names], or "groups": {"arm": [names]}',
      hint: 'GET /experiments and `easel status` list the experiments',
    });
  }
  if (arms.length > MOST_ARMS) {
    throw new InvalidInput(`${arms.length} arms are too many for one report`, { expected: `at most ${MOST_ARMS}` });
  }
  const runs = arms.flatMap(({ experiments }) => experiments);
  if (runs.length > MOST_RUNS) {
    throw new InvalidInput(`${runs.length} experiments are too many for one report`, {
      expected: `at most ${MOST_RUNS}`,
    });
  }
  const twice = runs.find((name, i) => runs.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new InvalidInput(`the experiment "${twice}" is in two groups`, { expected: 'each experiment in one arm' });
  }
  const names = arms.map(({ name }) => name);
  const double = names.find((name, i) => names.indexOf(name) !== i);
  if (double !== undefined) {
    throw new InvalidInput(`two arms have the name "${double}"`, { expected: 'another name of the group' });
  }
}

/** By the arm's name, or by that of one of its experiments. @throws InvalidInput */
function findArm(arms: readonly Arm[], name: string, key: string): Arm {
  const found = arms.find(arm => arm.name === name) ?? arms.find(({ experiments }) => experiments.includes(name));
  if (found) return found;
  throw new InvalidInput(`${key}: there is no arm "${name}"`, {
    expected: arms.map(arm => arm.name).join(', '),
  });
}
