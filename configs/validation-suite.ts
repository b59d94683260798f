/** @file The validation suite: its settings in a config, and its document. */
import { z } from 'zod';
import { weightsSchema } from './averages.ts';
import { captionEditsSchema } from './caption-edits.ts';
import { drawnAttributesSchema } from './drawn-attributes.ts';
import { MEASURE_NAMES, pictureScoresSchema, scoreDifferencesSchema, summarySchema } from './picture-scores.ts';
import { samplingSchema } from './sampling.ts';
import { seedSchema } from './seed.ts';
import { DIGEST_PATTERN } from './stored-names.ts';
import { TEST_NAMES, type TestName } from './suite-tests.ts';

/** Pictures of a test are one call of `draw`. */
const MOST_PICTURES = 64;
const MOST_WEIGHTS = 4;
const LONGEST_PAUSE = 1_000_000;

export const DEFAULT_PICTURES = 25;
export const DEFAULT_SEED = 42;

export const suiteSettingsShape = {
  tests: z
    .array(z.enum(TEST_NAMES))
    .min(1)
    .refine(tests => !tests.includes('drift') || tests.includes('reconstruction') || tests.includes('text'), {
      error: 'drift follows the scores of reconstruction and text: expected one of them beside it',
    })
    .optional()
    .describe('default: all that the model can be asked'),
  edits: captionEditsSchema.optional().describe('of the test edit'),
  high_guidance: z.number().min(0).max(50).default(4).describe('the high guidance of the test cfg'),
  weights: z.array(weightsSchema).min(1).max(MOST_WEIGHTS).optional().describe('as in sample'),
} as const;

export const validateConfigSchema = z
  .strictObject({
    every: z
      .int()
      .min(0)
      .max(LONGEST_PAUSE)
      .default(1000)
      .describe('optimizer steps between validations, at the end of a chunk; 0: none'),
    pictures: z.int().min(1).max(MOST_PICTURES).default(DEFAULT_PICTURES).describe('of the split val'),
    seed: seedSchema.default(DEFAULT_SEED).describe('of the noise'),
    ...suiteSettingsShape,
  })
  .describe('draws held-out pictures under many conditions and scores them, every so many steps');
export type ValidateConfig = z.infer<typeof validateConfigSchema>;

/** During a training, the tests that tell most for their time. */
export const BORDER_TESTS: readonly TestName[] = ['reconstruction', 'swap', 'edit', 'text', 'pose_text', 'drift'];

/** Steps between validations: 0 if there are none. A config that says nothing has the defaults. */
export function validationOf(config: ValidateConfig | undefined): ValidateConfig {
  return config ?? validateConfigSchema.parse({});
}

const digest = z.string().regex(DIGEST_PATTERN);
const blob = z.strictObject({ digest, size: z.int(), media_type: z.string() });
const measure = z.enum(MEASURE_NAMES);

const scoreSchema = z.strictObject({
  score: z.string(),
  of: z.string(),
  against: z.string(),
  about: z.string(),
  ...pictureScoresSchema.omit({ v: true, kind: true, links: true }).shape,
  /** Measures that could not be made, and why. */
  without: z.partialRecord(measure, z.string()).optional(),
  /** Network that found the joints; absent: they were read from pixels. */
  joints_by: z.string().optional(),
  /** The document of `score-pictures`. */
  document: digest,
});
export type SuiteScore = z.infer<typeof scoreSchema>;

const testSchema = z.strictObject({
  test: z.enum(TEST_NAMES),
  weights: weightsSchema,
  about: z.string(),
  /** Why it was passed over. */
  skipped: z.string().optional(),
  /** Pictures that some draw of the test says nothing about, by reason. */
  left_out: z.array(z.strictObject({ reason: z.string(), pictures: z.int().positive() })).optional(),
  scores: z.array(scoreSchema),
  differences: z.array(
    z.strictObject({
      difference: z.string(),
      about: z.string(),
      measures: scoreDifferencesSchema.shape.measures,
    }),
  ),
  attributes: z
    .array(
      z.strictObject({ of: z.string(), ...drawnAttributesSchema.omit({ v: true, kind: true, links: true }).shape }),
    )
    .optional(),
  collage: blob.optional(),
});
export type SuiteTest = z.infer<typeof testSchema>;

const drawnSchema = z.strictObject({
  draw: z.string(),
  weights: weightsSchema,
  about: z.string(),
  /** Output index of `draw`. */
  index: digest,
  pictures: z.array(z.strictObject({ id: z.string(), caption: z.string(), image: blob })),
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
});
export type SuiteDraw = z.infer<typeof drawnSchema>;

const driftSchema = z.strictObject({
  test: z.enum(TEST_NAMES),
  score: z.string(),
  weights: weightsSchema,
  measure,
  /** Earlier validations, oldest first, and this one last. */
  course: z.array(z.strictObject({ step: z.int(), ...summarySchema.shape })),
  /** Mean of this one minus the last one before, over the pictures that both have. */
  change: z
    .strictObject({ since: z.int(), n: z.int(), mean: z.number(), low: z.number(), high: z.number() })
    .optional(),
});
export type SuiteDrift = z.infer<typeof driftSchema>;

/** The document of `validate`, and of a training's validation. */
export const suiteSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('validation-suite'),
  checkpoint: digest,
  dataset: digest,
  step: z.int(),
  pictures: z.int().positive(),
  ...samplingSchema.shape,
  high_guidance: z.number(),
  /** Of `feature_distance`, and why it was taken. */
  extractor: z.string(),
  why_extractor: z.string(),
  /** Net of `lpips`; absent: no weights are installed. */
  lpips: z.string().optional(),
  /** Net of `clip_score`; absent: no CLIP judges. */
  clip: z.string().optional(),
  /** Model of `vqa`, and the source that has it; absent: none was asked. */
  vqa: z.string().optional(),
  tests: z.array(testSchema),
  /** Substitutes for the pictures that no model drew, against the real pictures: between what any score lies. */
  controls: z.array(scoreSchema),
  drift: z.array(driftSchema),
  drawn: z.array(drawnSchema),
  links: z.array(digest),
});
export type Suite = z.infer<typeof suiteSchema>;
