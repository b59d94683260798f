/** @file What a model that sees pictures answers to yes-or-no questions about them. */
import { z } from 'zod';
import { DIGEST_PATTERN } from './stored-names.ts';

const digest = z.string().regex(DIGEST_PATTERN);
/** How sure the answer is a yes; null: it was neither yes nor no. */
const yes = z.number().min(0).max(1).nullable();

/** Answers that were read from probabilities of the first token, from the text, or not at all. */
export const answerCountsSchema = z.strictObject({
  probability: z.int().nonnegative(),
  text: z.int().nonnegative(),
  unclear: z.int().nonnegative(),
});

/** Output `scores` of `vqa-score`. */
export const vqaScoresSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('vqa-score'),
  source: z.string(),
  model: z.string(),
  /** That the server told, in hexadecimal. */
  model_digests: z.array(z.string()),
  question: z.string(),
  pictures: digest,
  drawn: digest.optional(),
  items: z.array(
    z.strictObject({
      id: z.string(),
      /** To the caption of the picture, and to that of another picture. */
      right: yes,
      distractor: yes,
    }),
  ),
  answers: answerCountsSchema,
  links: z.array(digest),
});
export type VqaScores = z.infer<typeof vqaScoresSchema>;

/** The answers about each picture of a row of a table of quality. */
export const vqaAnswersSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('vqa-answers'),
  model: z.string(),
  items: z.array(z.strictObject({ id: z.string(), right: z.number(), distractor: z.number() })),
  links: z.array(digest).length(0),
});
export type VqaAnswers = z.infer<typeof vqaAnswersSchema>;

/** The pictures whose two questions were answered by yes or no. */
export function listClear({ items }: Pick<VqaScores, 'items'>): VqaAnswers['items'] {
  return items.flatMap(({ id, right, distractor }) =>
    right === null || distractor === null ? [] : [{ id, right, distractor }],
  );
}
