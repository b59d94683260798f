/** @file What an evaluation finds: its documents. */
import { z } from 'zod';
import { weightsSchema } from './averages.ts';
import { JOINT_GROUPS } from './coco-wholebody.ts';
import { jointScoreSchema } from './pose-scores.ts';
import { DIGEST_PATTERN } from './stored-names.ts';
import { answerCountsSchema } from './vqa-scores.ts';

const digest = z.string().regex(DIGEST_PATTERN);
const number = z.number();
const interval = z.strictObject({ mean: number, low: number, high: number });

const comparedShape = {
  extractor: z.string(),
  /** Training pictures that the drawn ones were compared with. */
  real: z.int().positive(),
  drawn: z.int().positive(),
  /** Kernel distance over subsets, in the mean, and their standard deviation. Of one distribution: near 0. */
  kid: z.strictObject({ mean: number, sd: number }),
  /** Frechet distance. It falls with the number of pictures: compare rows of equal numbers. */
  fd: number,
  k: z.int().positive(),
  precision: number,
  recall: number,
  density: number,
  coverage: number,
  /** To the held-out picture of the same condition, in units of the spread of real pictures. */
  distance: interval.optional(),
};

/** Output `comparison` of `compare-sets`. */
export const setComparisonSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('set-comparison'),
  dataset: digest,
  ...comparedShape,
  distances: z.array(z.strictObject({ id: z.string(), distance: number })).optional(),
  links: z.array(digest),
});
export type SetComparison = z.infer<typeof setComparisonSchema>;

const shareSchema = z.strictObject({
  right: z.int().nonnegative(),
  of: z.int().positive(),
  share: number,
  /** Wilson's interval of 95 %. */
  low: number,
  high: number,
});

const poseSchema = z.strictObject({
  pictures: z.int().positive(),
  /** Shares of the joints that are found within 0.1 and 0.05 of the diagonal of the box. A missing joint is wrong. */
  pck_10: number,
  pck_05: number,
  /** Share of the joints that are found. */
  found: number,
  /** Share of the pictures in which a person is found: at least one joint. */
  detected: number.optional(),
  /** Keypoint similarity of COCO, in the mean over pictures; 0 without a person. */
  oks: interval.optional(),
  /** Share of the pictures whose similarity reaches .5, .55, ... .95, in the mean. */
  oks_precision: number.optional(),
  /** Mean distance of the joints that are found, as a share of the diagonal of the box; absent: none is found. */
  mpjpe: number.optional(),
  /** The same after each pose was moved, turned and scaled as a whole. */
  pa_mpjpe: number.optional(),
  /** Where a network finds the joints: by parts of the body. */
  parts: z
    .partialRecord(z.enum(JOINT_GROUPS), z.strictObject({ joints: z.int().positive(), pck_10: number, pck_05: number }))
    .optional(),
  /** Mean distance of the found joints of the face, as a share of the distance of the outer corners of the eyes. */
  face_error: number.optional(),
});
export type PoseScore = z.infer<typeof poseSchema>;

/** Output `shown` of `probe-pictures`. */
export const shownSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('shown-attributes'),
  pictures: digest,
  /** By attribute: how many pictures show it. */
  attributes: z.record(z.string(), z.strictObject({ right: z.int().nonnegative(), of: z.int().positive() })),
  /** Joints that are read from pixels, of each picture of figures. */
  joints: z
    .array(jointScoreSchema.extend({ id: z.string() }))
    .min(1)
    .optional(),
  links: z.array(digest),
});
export type ShownAttributes = z.infer<typeof shownSchema>;

const fidelitySchema = z.partialRecord(z.enum(['psnr', 'ssim', 'ms_ssim', 'lpips']), interval);

/** A row of the table of quality. */
const rowSchema = z.strictObject({
  /** `drawn`, the name of a control, `untrained`, `sweep`, or `beside NAME`. */
  row: z.string(),
  about: z.string(),
  /** Of a drawn row: under which condition. */
  condition: z.string().optional(),
  /** Of a row of a sweep: the settings that it has for itself. */
  guidance: number.optional(),
  weights: weightsSchema.optional(),
  checkpoint: digest.optional(),
  ...comparedShape,
  /** To the held-out pictures of the same conditions, pair by pair: means with intervals of 95 %. */
  fidelity: fidelitySchema.optional(),
  /** The same of the pictures of the row against others that were drawn from other noise under the same condition. */
  noise_floor: fidelitySchema.optional(),
  /** LPIPS by further nets, by their names, as in `fidelity`. */
  lpips_nets: z.record(z.string(), interval).optional(),
  /** Distance of the set to training pictures, by CLIP and a Gaussian kernel (arXiv 2401.09603). */
  cmmd: number.optional(),
  /** Of the pictures that have captions, by CLIP. */
  clip: z
    .strictObject({
      /** CLIPScore: 2.5 times the cosine of picture and caption, at least 0. */
      score: interval,
      /** Mean place of the caption among `of` texts by likeness to the picture: 1 is the nearest. */
      rank: number,
      /** Share of the pictures whose caption has rank 1. */
      first: number,
      of: z.int().positive(),
      /** The document with the fit of each picture. Absent: a table of before. */
      fits: digest.optional(),
    })
    .optional(),
  /** Of the pictures that have captions, by the answers of a model to yes-or-no questions about them. */
  vqa: z
    .strictObject({
      pictures: z.int().positive(),
      /** How much it says yes to the caption of the picture, and to that of another one: mean probability. */
      right: interval,
      distractor: interval,
      /** The first minus the second, picture by picture: 0 of a model that always says yes. */
      difference: interval,
      by: answerCountsSchema,
      /** Of the models that answered, if the server tells them. */
      model_digests: z.array(z.string()).optional(),
      /** The document with the answers about each picture. */
      answers: digest,
    })
    .optional(),
  attributes: z.record(z.string(), shareSchema).optional(),
  /** Of edited captions: pictures that show the new value of the edited attribute; `attributes` has the others. */
  edited: shareSchema.optional(),
  /** Of swapped looks: attributes of the picture whose look was given, where both pictures differ. */
  other_attributes: z.record(z.string(), shareSchema).optional(),
  pose: poseSchema.optional(),
  /** The document of `compare-sets`, with the distance of each picture. */
  comparison: digest,
});
export type EvaluationRow = z.infer<typeof rowSchema>;

/** The document of `evaluate`, which stays with the checkpoint. */
export const evaluationSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('evaluation'),
  checkpoint: digest,
  dataset: digest,
  extractor: z.string(),
  why_extractor: z.string(),
  /** The net of `fidelity.lpips`. Absent: none is installed that the training did not see. */
  lpips: z.string().optional(),
  /** Why no installed net compares the pictures. */
  no_lpips: z.string().optional(),
  /** The net of `clip` and `cmmd`. */
  clip: z.string().optional(),
  /** The model of `vqa`, and the source that has it. */
  vqa: z.string().optional(),
  /** The net of `pose`. Absent: joints are read from the pixels of figures, or not at all. */
  pose: z.string().optional(),
  samples: z.int().positive(),
  /** Of the compared pictures in pixels, commonest first. Absent: a table of before. */
  sizes: z
    .array(z.strictObject({ width: z.int().positive(), height: z.int().positive(), pictures: z.int().positive() }))
    .min(1)
    .optional(),
  /** Of the held-out pictures. Absent: val. */
  split: z.literal('test').optional(),
  seed: z.int(),
  /** Settings of the sampler and the weights, as in `sample`. Absent: unknown. */
  sampling: z.record(z.string(), z.json()).optional(),
  rows: z.array(rowSchema),
  /** Rows and columns that the protocol asks for and that could not be made, and why. */
  missing: z.array(z.strictObject({ row: z.string().optional(), column: z.string().optional(), why: z.string() })),
  links: z.array(digest),
});
export type Evaluation = z.infer<typeof evaluationSchema>;
