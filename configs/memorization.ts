/** @file What a check for memorized pictures finds: its document, and its limits. */
import { z } from 'zod';
import { CONDITION_NAMES, missingSignals } from './drawn-conditions.ts';
import { setSeedSchema } from './seed.ts';
import { type Conditions, signalsOf } from './signals.ts';
import { gapMeasuresSchema } from './split-gap.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

/** A picture is a copy if its nearest training picture is nearer than this share of the distance to the next. */
export const COPY_RATIO = 1 / 3;
/** Share of drawn pictures, above that of held-out ones, from which on a model counts as one that has memorized. */
export const COPY_LIMIT = 0.01;
/** Cosine of features of DINOv2 above which pictures count as near-duplicates where a check tells how many do. */
export const LIKE_COSINE = 0.9;
/** Pictures of the caption swap test, unless a check says how many: whole pages, which the check may have drawn. */
export const SWAPPED = 256;

/** What every check for copies takes, asked for or during a training. */
export const copyCheckShape = {
  samples: z.int().min(2).max(10_000).default(1000).describe('pictures to draw'),
  condition: z
    .enum(CONDITION_NAMES)
    .optional()
    .describe('as in draw; default: pose and caption, or the caption, or what the model has'),
  conditions: z
    .array(z.enum(CONDITION_NAMES))
    .min(1)
    .max(CONDITION_NAMES.length)
    .optional()
    .describe('instead of condition: several, with samples pictures of each and one verdict, that of the worst'),
  split: z
    .enum(['train', 'val'])
    .default('train')
    .describe('whose conditions are given: those of trained pictures, with new noise, are where copies show first'),
  ratio: z.number().min(0).max(1).default(COPY_RATIO).describe('d1 / d2 below which a picture is a copy'),
  limit: z.number().min(0).max(1).default(COPY_LIMIT).describe('rate above the false alarms that is memorizing'),
  swapped: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe(
      'pictures of the caption swap test: a trained caption with the pose of another picture, or alone; 0: none; ' +
        `default: ${SWAPPED}, or samples if that is less`,
    ),
  seed: setSeedSchema,
} as const;

export const ONE_OF_CONDITIONS = 'condition and conditions are both given: one condition, or a list of several';

/** Whether a check does not name its conditions twice. */
export function namesConditionsOnce({
  condition,
  conditions,
}: {
  readonly condition?: string | undefined;
  readonly conditions?: readonly string[] | undefined;
}): boolean {
  return condition === undefined || conditions === undefined;
}

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
  .refine(namesConditionsOnce, { path: ['conditions'], message: ONE_OF_CONDITIONS })
  .describe('looks for copies of training pictures every so many steps, and keeps the last checkpoint without them');
export type CheckMemorizationConfig = z.infer<typeof checkMemorizationConfigSchema>;

interface CheckedSections {
  readonly model: { readonly conditions?: Conditions | undefined };
  readonly run: { readonly check_memorization?: CheckMemorizationConfig | undefined };
}

/** Refuses a condition that the model cannot be given. */
export function checkCopiesCondition({ model, run }: CheckedSections, ctx: z.core.$RefinementCtx): void {
  if (run.check_memorization === undefined || model.conditions === undefined) return;
  const { condition, conditions = [] } = run.check_memorization;
  const named = [
    ...(condition === undefined ? [] : [{ name: condition, path: ['condition'] }]),
    ...conditions.map((name, i) => ({ name, path: ['conditions', i] })),
  ];
  for (const { name, path } of named) {
    const missing = missingSignals(name, signalsOf(model.conditions));
    if (missing === undefined) continue;
    ctx.addIssue({
      code: 'custom',
      path: ['run', 'check_memorization', ...path],
      message: `the model is trained without ${missing.join(' and ')}`,
      input: name,
    });
  }
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

const captionSwapSchema = z.strictObject({
  /** Pictures drawn from the caption of a trained picture: of those, how many are copies of just that picture. */
  returned: copiesSchema,
  /** The same of held-out pictures, which a model cannot remember. Null: there are none. */
  floor: copiesSchema.nullable(),
  /** The rate above the floor; at least 0. */
  excess: z.number(),
});
export type CaptionSwap = z.infer<typeof captionSwapSchema>;

const cosineCopiesSchema = z.strictObject({
  /** Cosine of the features above which two pictures are copies: 0.5 of SSCD. */
  above: z.number(),
  /** The network was not trained to find copies, so its rate judges nothing. */
  told: z.literal(true).optional(),
  /** Of the drawn pictures, those that are copies of a training picture by this rule. */
  drawn: copiesSchema,
  /** The same of held-out pictures: false alarms. Null: there are none. */
  held_out: copiesSchema.nullable(),
  /** Of pictures that were drawn from conditions of held-out pictures: those that are copies of just these. */
  obeyed: copiesSchema.optional(),
  /** The rate of the drawn pictures above the higher of both others; at least 0. */
  excess: z.number(),
});
export type CosineCopies = z.infer<typeof cosineCopiesSchema>;

const pairSchema = z.strictObject({
  /** Under which the picture was drawn, of several. */
  condition: z.string().optional(),
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
      /** Under which the pictures were drawn, of several. */
      condition: z.string().optional(),
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
      /** The caption swap test. Absent: not made. */
      caption_swap: captionSwapSchema.optional(),
      /** Of a network that finds copies, and of DINOv2. Absent: the space is of another. */
      cosine: cosineCopiesSchema.optional(),
      /** Absent: a check of before. */
      authentic: copyingShape.authentic.optional(),
      data_copying: copyingShape.data_copying.optional(),
    }),
  ),
  /**
   * Whether in one of the spaces an excess is above the limit, and its rate for sure above that of the pictures that
   * were drawn from conditions of held-out pictures.
   */
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
  /** The first of `conditions`, where several were asked for. */
  condition: z.string(),
  /** Each has its own spaces. Absent: there is one condition. */
  conditions: z.array(z.string()).min(2).optional(),
  split: z.string(),
  /** Drawn pictures, of all conditions together. */
  samples: z.int().positive(),
  /** Samples that the training had seen, its pictures, and how often it had seen each in the mean. Absent: unknown. */
  trained: z
    .strictObject({ samples: z.int().nonnegative(), pictures: z.int().positive(), passes: z.number() })
    .optional(),
  /** Settings of the sampler and the weights, as in `sample`; pictures that are drawn again have the next seed. */
  sampling: z.record(z.string(), z.json()).optional(),
  why_extractor: z.string(),
  /** How pictures of the caption swap test were drawn. Absent: there was none. */
  caption_swap: z.strictObject({ condition: z.string(), samples: z.int().positive() }).optional(),
  /** Why there was no caption swap test. */
  no_caption_swap: z.string().optional(),
  /** The flow loss on held-out pictures minus that on trained ones; null: it could not be measured. */
  gap: z
    .strictObject({
      train: z.number(),
      held_out: z.number(),
      difference: z.number(),
      /** Of each picture and t. Absent: one. */
      noises: z.int().min(2).optional(),
    })
    .nullable(),
  /**
   * Distances of drawn pictures to the real pictures of their conditions, trained ones and held-out ones: LPIPS of the
   * net that is named, and distances of the features of the extractor.
   */
  picture_gap: z
    .strictObject({ extractor: z.string(), lpips: z.string().optional(), measures: gapMeasuresSchema })
    .optional(),
  /** The network that finds copies, and a cosine by which it does. Absent: none is installed. */
  copy_detector: z.string().optional(),
  /** Why it was not measured. */
  no_picture_gap: z.string().optional(),
  /** Why it has no LPIPS. */
  no_lpips: z.string().optional(),
  /** PNG: the pairs, each drawn picture left of its nearest training picture. Absent: there are no pairs. */
  sheet: blobSchema.optional(),
  links: z.array(digest),
});
export type Memorization = z.infer<typeof memorizationSchema>;
