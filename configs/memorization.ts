/** @file What a check for memorized pictures finds: its document, and its limits. */
import { z } from 'zod';
import { CONDITION_NAMES, missingSignals } from './drawn-conditions.ts';
import { setSeedSchema } from './seed.ts';
import { type Conditions, signalsOf } from './signals.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

/** A picture is a copy if its nearest training picture is nearer than this share of the distance to the next. */
export const COPY_RATIO = 1 / 3;
/** Share of drawn pictures, above that of held-out ones, from which on a model counts as one that has memorized. */
export const COPY_LIMIT = 0.01;
/** Rate of false alarms above which copies would not stand out. */
const MOST_ALARMS = 0.5;
/** Most suspicious pictures that a check shows. */
export const SHOWN_PAIRS = 20;

/** What every check for copies takes, asked for or during a training. */
export const copyCheckShape = {
  samples: z.int().min(2).max(10_000).default(1000).describe('pictures to draw'),
  condition: z
    .enum(CONDITION_NAMES)
    .optional()
    .describe('as in draw; default: pose and caption, or the caption, or what the model has'),
  split: z
    .enum(['train', 'val'])
    .default('train')
    .describe('whose conditions are given: those of trained pictures, with new noise, are where copies show first'),
  ratio: z.number().min(0).max(1).default(COPY_RATIO).describe('d1 / d2 below which a picture is a copy'),
  limit: z.number().min(0).max(1).default(COPY_LIMIT).describe('rate above the false alarms that is memorizing'),
  seed: setSeedSchema,
} as const;

export const checkMemorizationConfigSchema = z
  .strictObject({
    every: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1000)
      .describe('optimizer steps between checks, at the end of a chunk'),
    ...copyCheckShape,
  })
  .describe('looks for copies of training pictures every so many steps, and keeps the last checkpoint without them');
export type CheckMemorizationConfig = z.infer<typeof checkMemorizationConfigSchema>;

interface CheckedSections {
  readonly model: { readonly conditions?: Conditions | undefined };
  readonly run: { readonly check_memorization?: CheckMemorizationConfig | undefined };
}

/** Refuses a condition that the model cannot be given. */
export function checkCopiesCondition({ model, run }: CheckedSections, ctx: z.core.$RefinementCtx): void {
  const condition = run.check_memorization?.condition;
  if (condition === undefined || model.conditions === undefined) return;
  const missing = missingSignals(condition, signalsOf(model.conditions));
  if (missing === undefined) return;
  ctx.addIssue({
    code: 'custom',
    path: ['run', 'check_memorization', 'condition'],
    message: `the model is trained without ${missing.join(' and ')}`,
    input: condition,
  });
}

const digest = z.string().regex(DIGEST_PATTERN);

const copiesSchema = z.strictObject({
  pictures: z.int().positive(),
  /** Of those, copies of training pictures. */
  copies: z.int().nonnegative(),
  rate: z.number(),
  /** Wilson's interval of 95 % for the rate. */
  low: z.number(),
  high: z.number(),
});
export type Copies = z.infer<typeof copiesSchema>;

const authenticShareSchema = z.strictObject({
  pictures: z.int().positive(),
  /** Of those, pictures farther from their nearest training picture than that is from the next training picture. */
  authentic: z.int().nonnegative(),
  rate: z.number(),
  /** Wilson's interval of 95 % for the rate. */
  low: z.number(),
  high: z.number(),
});
export type AuthenticShare = z.infer<typeof authenticShareSchema>;

const dataCopyingSchema = z.strictObject({
  /** C_T: about 0 if the pictures are as far from training pictures as held-out ones, below if they are nearer. */
  score: z.number(),
  /** Standard deviation of the score when both are of one distribution. */
  sd: z.number(),
  /** Cells that have enough pictures to count. */
  cells: z.int().positive(),
});

const copyingShape = {
  /** Authenticity (AuthPct). Null: all training pictures are near-duplicates of each other. */
  authentic: z.strictObject({ drawn: authenticShareSchema, held_out: authenticShareSchema.nullable() }).nullable(),
  /**
   * The test of data-copying against held-out pictures, and of every other held-out picture against the rest. Null:
   * there are no held-out pictures, or too few pictures.
   */
  data_copying: z
    .strictObject({ drawn: dataCopyingSchema.nullable(), held_out: dataCopyingSchema.nullable() })
    .nullable(),
};
export type CopyingMeasures = z.infer<z.ZodObject<typeof copyingShape>>;

const pairSchema = z.strictObject({
  /** Of the picture that was the condition. */
  id: z.string(),
  /** Column of the drawn picture. */
  pictures: digest,
  /** Its nearest training picture, and the column of that. */
  nearest: z.string(),
  nearest_pictures: digest,
  extractor: z.string(),
  d1: z.number(),
  /** To the next training picture that is no near-duplicate of the nearest; absent: there is none. */
  d2: z.number().optional(),
  ratio: z.number(),
});
export type CopyPair = z.infer<typeof pairSchema>;

/** Output `copies` of `memorization`. */
export const memorizationShape = {
  dataset: digest,
  /** d1 / d2 below which a picture is a copy. */
  ratio: z.number(),
  /** Rate of copies above the false alarms from which on the model has memorized. */
  limit: z.number(),
  spaces: z.array(
    z.strictObject({
      extractor: z.string(),
      training: z.int().positive(),
      drawn: copiesSchema,
      /** The same on pictures that are not trained on: false alarms. Null: there are none. */
      held_out: copiesSchema.nullable(),
      /**
       * Pictures that were drawn from conditions of held-out pictures: of those, how many are as near to the held-out
       * picture of their condition. What a condition says so fully is obeyed, not remembered. Absent: not drawn.
       */
      obeyed: copiesSchema.optional(),
      /** The rate of the drawn pictures above the higher of both others; at least 0. */
      excess: z.number(),
      /** Absent: a check of before. */
      authentic: copyingShape.authentic.optional(),
      data_copying: copyingShape.data_copying.optional(),
    }),
  ),
  /** Whether in one of the spaces the excess is above the limit, and the rate above that of `obeyed` for sure. */
  memorized: z.boolean(),
  /** The smallest ratios, each drawn picture once. */
  pairs: z.array(pairSchema),
};
export const copiesFoundSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('copies'),
  ...memorizationShape,
  links: z.array(digest),
});
export type CopiesFound = z.infer<typeof copiesFoundSchema>;

const blobSchema = z.strictObject({ digest, size: z.int(), media_type: z.string() });

/** The document of `check-memorization`, which stays with the checkpoint. */
export const memorizationSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('memorization'),
  checkpoint: digest,
  ...memorizationShape,
  condition: z.string(),
  split: z.string(),
  samples: z.int().positive(),
  /** Settings of the sampler and the weights, as in `sample`; pictures that are drawn again have the next seed. */
  sampling: z.record(z.string(), z.json()).optional(),
  why_extractor: z.string(),
  /** The flow loss on held-out pictures minus that on trained ones; null: it could not be measured. */
  gap: z.strictObject({ train: z.number(), held_out: z.number(), difference: z.number() }).nullable(),
  /** PNG: the pairs, each drawn picture left of its nearest training picture. Absent: there are no pairs. */
  sheet: blobSchema.optional(),
  links: z.array(digest),
});
export type Memorization = z.infer<typeof memorizationSchema>;

/** The space in which most held-out pictures look like copies, so that the check cannot tell; undefined: it can. */
export function findBlindSpace({ memorized, spaces }: Pick<Memorization, 'memorized' | 'spaces'>) {
  return memorized ? undefined : spaces.find(({ held_out }) => held_out !== null && held_out.rate > MOST_ALARMS);
}

/** The space that speaks most for copies. Of equal excesses the higher rate tells more. */
export function findWorstSpace({ spaces }: Pick<Memorization, 'spaces'>): Memorization['spaces'][number] {
  return spaces.reduce((a, b) => ((b.excess - a.excess || b.drawn.rate - a.drawn.rate) > 0 ? b : a));
}

/** 0.0083 -> `0.83 %` */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
