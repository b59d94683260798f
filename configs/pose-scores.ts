/** @file How well the joints of pictures lie where they should: what is found of each picture, and of a set. */
import { z } from 'zod';
import { JOINT_GROUPS } from './coco-wholebody.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

const digest = z.string().regex(DIGEST_PATTERN);
const count = z.int().nonnegative();

/** Of one picture. Only joints that are wanted count. */
export const jointScoreSchema = z.strictObject({
  /** Joints that are wanted. */
  joints: z.int().positive(),
  /** Within 0.1 and 0.05 of the diagonal of the box of the wanted joints. */
  right_10: count,
  right_05: count,
  /** Wanted joints that the picture shows at all; one that is not found is not right. */
  found: count,
  /** Keypoint similarity of COCO, 1 for equal poses. */
  oks: z.number(),
  /** Distances of the found joints, in the mean, as a share of the diagonal; null: none is found. */
  mpjpe: z.number().nullable(),
  /** The same after the found joints were moved, turned and scaled as a whole. */
  pa_mpjpe: z.number().nullable(),
});
export type JointScore = z.infer<typeof jointScoreSchema>;

const partSchema = z.strictObject({ joints: z.int().positive(), right_10: count, right_05: count });

/** Of one picture whose joints a network finds: by parts of the body, too. */
export const personScoreSchema = jointScoreSchema.extend({
  parts: z.partialRecord(z.enum(JOINT_GROUPS), partSchema),
  /** Mean distance of the found joints of the face, as a share of the distance of the outer corners of the eyes. */
  face_error: z.number().nullable(),
});
export type PersonScore = z.infer<typeof personScoreSchema>;

/** Output `scores` of `score-poses`. */
export const poseScoresSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('pose-scores'),
  /** The network that found the joints. */
  model: z.string(),
  dataset: digest,
  pictures: digest,
  /** Pictures of which the dataset has a pose, in the order of the column. */
  items: z.array(personScoreSchema.extend({ id: z.string() })),
  links: z.array(digest),
});
export type PoseScores = z.infer<typeof poseScoresSchema>;
