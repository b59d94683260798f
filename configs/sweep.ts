/** @file A sweep: configs with every combination of some values, thinned out by successive halving. */
import { z } from 'zod';
import { LARGEST_PLAIN_SEED } from './bounds.ts';
import { runReportSchema, trainedRunsShape } from './grid.ts';

/** Combinations of values. */
const MOST_COMBINATIONS = 256;
const MOST_VALUES = 64;

const values = z
  .array(z.json())
  .min(1)
  .max(MOST_VALUES)
  .refine(all => new Set(all.map(value => JSON.stringify(value))).size === all.length, {
    error: 'expected each value once',
  });

export const sweepSchema = z
  .strictObject({
    ...trainedRunsShape,
    set: z
      .record(z.string().regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/, 'expected a key like optimizer.learning_rate'), values)
      .refine(set => Object.keys(set).length > 0, { error: 'expected at least one key' })
      .refine(set => !Object.keys(set).some(key => Object.keys(set).some(other => other.startsWith(`${key}.`))), {
        error: 'a key lies inside of another one',
      })
      .describe('by key of the config, the values to try: {"optimizer.learning_rate": [0.001, 0.004]}'),
    seed: z.int().min(0).max(LARGEST_PLAIN_SEED).default(0).describe('of all runs'),
    first: z
      .number()
      .gt(0)
      .max(1)
      .default(0.01)
      .describe('share of the steps after which the first configs are left out'),
    finalists: z.int().min(1).max(16).default(1).describe('configs that are trained to the end'),
  })
  .refine(({ set }) => Object.values(set).reduce((n, { length }) => n * length, 1) <= MOST_COMBINATIONS, {
    error: `expected at most ${MOST_COMBINATIONS} combinations`,
    path: ['set'],
  });
export type Sweep = z.output<typeof sweepSchema>;

/** What `sweep` answers. */
export const sweepResultSchema = z.looseObject({
  v: z.literal(1),
  kind: z.literal('sweep'),
  name: z.string(),
  dataset: z.string(),
  engine: z.string(),
  rungs: z.array(
    z.looseObject({
      /** Of the steps of a run. */
      share: z.number(),
      /** Best first. */
      runs: z.array(
        z.object({
          experiment: z.string(),
          values: z.record(z.string(), z.unknown()),
          steps: z.int(),
          /** The loss on held-out pictures; null: it diverged. */
          held_out_loss: z.number().nullable(),
          goes_on: z.boolean(),
        }),
      ),
    }),
  ),
  /** Absent: all diverged. */
  best: z.looseObject({ experiment: z.string(), values: z.record(z.string(), z.unknown()) }).optional(),
  report: runReportSchema,
});
export type SweepResult = z.output<typeof sweepResultSchema>;
