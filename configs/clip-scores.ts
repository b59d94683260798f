/** @file What `clip-score` finds. */
import { z } from 'zod';
import { DIGEST_PATTERN } from './stored-names.ts';

const digest = z.string().regex(DIGEST_PATTERN);
const mean = z.number().nullable();

/** Output `scores` of `clip-score`. Means are null without a picture that has a caption. */
export const clipScoresSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('clip-score'),
  model: z.string(),
  pictures: digest,
  drawn: digest.optional(),
  items: z.array(
    z.strictObject({
      id: z.string(),
      /** 2.5 times the cosine of picture and caption, at least 0. */
      score: z.number(),
      /** Place of the caption among `of` texts: 1 is the nearest to the picture. */
      rank: z.int().positive(),
      of: z.int().positive(),
      /** In which the caption was read. */
      parts: z.int().positive(),
    }),
  ),
  score: mean,
  rank: mean,
  /** Share of the pictures whose caption has rank 1. */
  first: mean,
  links: z.array(digest),
});
export type ClipScores = z.infer<typeof clipScoresSchema>;

/** The fit of each picture of a row of a table of quality. */
export const clipFitsSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('clip-fits'),
  model: z.string(),
  items: z.array(z.strictObject({ id: z.string(), score: z.number(), rank: z.int().positive() })),
  links: z.array(digest).length(0),
});
export type ClipFits = z.infer<typeof clipFitsSchema>;

/** Output `distance` of `clip-distance`. */
export const clipDistanceSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('clip-distance'),
  model: z.string(),
  /** Training pictures, and drawn ones. */
  real: z.int().positive(),
  drawn: z.int().positive(),
  /** 0 for equal sets; a little above for sets of one distribution, the less the more pictures they have. */
  cmmd: z.number(),
  links: z.array(digest).length(0),
});
export type ClipDistance = z.infer<typeof clipDistanceSchema>;
