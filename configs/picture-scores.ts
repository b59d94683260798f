/** @file Scores of drawn pictures, one by one, and differences between scores. */
import { z } from 'zod';
import { DIGEST_PATTERN } from './stored-names.ts';

const digest = z.string().regex(DIGEST_PATTERN);

/** What the mean of scores is, and how sure it is: 95 % by the bootstrap. */
export const summarySchema = z.strictObject({
  n: z.int().positive(),
  mean: z.number(),
  sd: z.number(),
  min: z.number(),
  max: z.number(),
  median: z.number(),
  low: z.number(),
  high: z.number(),
});
export type ScoreSummary = z.infer<typeof summarySchema>;

/** Measures of two pictures, or of a picture and its condition, and whether more is more alike. */
export const MEASURES = {
  psnr: { about: 'decibels; equal pictures 150', alike: 'high' },
  ssim: { about: 'structural similarity; equal pictures 1', alike: 'high' },
  ms_ssim: { about: 'the same at several scales', alike: 'high' },
  color_distance: { about: 'distance of the distributions of red, green and blue, in levels of 255', alike: 'low' },
  feature_distance: { about: '1 - cosine of the features of the extractor that is named', alike: 'low' },
  cls_distance: { about: '1 - cosine of what the network is given as cls', alike: 'low' },
  lpips: { about: 'LPIPS of the net that is named', alike: 'low' },
  pck: { about: 'share of the joints within a tenth of the box of the pose', alike: 'high' },
  pck_05: { about: 'the same within a twentieth', alike: 'high' },
  oks: { about: 'keypoint similarity of COCO, by a network; equal poses 1', alike: 'high' },
  clip_score: { about: 'fit of the picture and its caption, by the CLIP that is named', alike: 'high' },
  vqa: { about: 'how much the model that is named says yes to the caption', alike: 'high' },
  vqa_difference: { about: 'the same minus how much it says yes to another caption', alike: 'high' },
} as const;
export type MeasureName = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** One number for each picture, in the order of `ids`; null: the measure could not be made of this picture. */
const valuesSchema = z.partialRecord(z.enum(MEASURE_NAMES), z.array(z.number().nullable()));
export type ScoreValues = z.infer<typeof valuesSchema>;

/** Output `scores` of `score-pictures`. */
export const pictureScoresSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('picture-scores'),
  ids: z.array(z.string()),
  values: valuesSchema,
  /** Over the pictures that have the measure. */
  summaries: z.partialRecord(z.enum(MEASURE_NAMES), summarySchema),
  /** Scales of MS-SSIM; pictures below 176 pixels have fewer than 5. Absent: pictures of several sizes. */
  ms_ssim_scales: z.int().positive().optional(),
  links: z.array(digest).length(0),
});
export type PictureScores = z.infer<typeof pictureScoresSchema>;

const intervalSchema = z.strictObject({
  n: z.int().positive(),
  mean: z.number(),
  low: z.number(),
  high: z.number(),
});

/** Output `differences` of `compare-scores`: means of a - b over the pictures that both have. */
export const scoreDifferencesSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('score-differences'),
  measures: z.partialRecord(z.enum(MEASURE_NAMES), intervalSchema),
  links: z.array(digest).length(0),
});
export type ScoreDifferences = z.infer<typeof scoreDifferencesSchema>;
