/** @file What a call says about captions that a model writes: keys of `caption`, and of `captions` in `prepare`. */
import { z } from 'zod';
import { askedModelShape } from '../../configs/asked-model.ts';
import { LANGUAGE_CODES } from './languages.ts';
import { DENSE_PROMPT, PLACE_NAMES, unknownPlaces } from './prompt.ts';

const MAX_PROMPT = 8000;
/** Tokens of a caption: a word of English has 1.3, of other languages up to 3; and room for a remark. */
const TOKENS_PER_WORD = 3;
const SPARE_TOKENS = 100;

const promptSchema = z
  .string()
  .trim()
  .min(1)
  .max(MAX_PROMPT)
  .refine(template => unknownPlaces(template).length === 0, {
    error: ({ input }) =>
      `there is no place {${unknownPlaces(String(input)).join('}, {')}}; expected ${PLACE_NAMES}, or none of them`,
  });

/** All are optional: a call without a model has none of them. */
export const captionShape = {
  ...askedModelShape,
  which: z
    .enum(['uncaptioned', 'all'])
    .optional()
    .describe('pictures that the model describes: those for which import found no caption (default), or all'),
  prompt: z
    .union([promptSchema, z.array(promptSchema).min(1).max(8)])
    .optional()
    .describe(`the question, with the places ${PLACE_NAMES}; of several, variant n gets the n-th`),
  words: z
    .tuple([z.int().min(1).max(1000), z.int().min(1).max(1000)])
    .refine(([least, most]) => least <= most, { error: 'expected the fewest words first, then the most' })
    .optional()
    .describe(
      'fewest and most words that are asked for (default 150 and 200); two thirds to half again as many are taken',
    ),
  language: z.enum(LANGUAGE_CODES).optional().describe('language of the captions (default en); others are refused'),
  variants: z.int().min(1).max(8).optional().describe('captions of each picture (default: as many as prompts)'),
  temperature: z.number().min(0).max(2).optional().describe('0 takes the likeliest word (default 0.7)'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 10_000)
    .optional()
    .describe('of the first attempt (default 1); others count on from it'),
  attempts: z
    .int()
    .min(1)
    .max(20)
    .optional()
    .describe('answers that are refused before a picture stays without a caption (default 4)'),
  max_tokens: z.int().min(16).max(16_384).optional().describe('most tokens of an answer (default: by the words)'),
};

export type CaptionOptions = Readonly<z.output<z.ZodObject<typeof captionShape>>>;

/** The options with their defaults, but for the model. */
export function completeOptions(given: CaptionOptions) {
  const { prompt = DENSE_PROMPT, words = [150, 200], temperature = 0.7, seed = 1, attempts = 4 } = given;
  const prompts = typeof prompt === 'string' ? [prompt] : prompt;
  return {
    which: given.which ?? 'uncaptioned',
    prompt: prompts,
    words,
    language: given.language ?? 'en',
    variants: given.variants ?? prompts.length,
    temperature,
    seed,
    attempts,
    max_tokens: given.max_tokens ?? TOKENS_PER_WORD * words[1] + SPARE_TOKENS,
  } as const;
}

export type CompleteOptions = ReturnType<typeof completeOptions>;
