/** @file Rules by which pictures are left out: a range for each measure, languages, scores, near-duplicates. */
import { z } from 'zod';
import { LANGUAGES } from '../captions/tell-language.ts';
import { type CurationRecord, scoreNameSchema } from './curation-record.ts';
import { MEASURE_NAMES, type MeasureName, measureRow, sayMeasure } from './measures.ts';

/** Above every measure. */
const LARGEST = 1e12;
const limitSchema = z.number().min(-LARGEST).max(LARGEST);

const rangeSchema = z
  .strictObject({ min: limitSchema.optional(), max: limitSchema.optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, { error: 'expected min, max or both' })
  .refine(({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }) => min <= max, {
    error: 'expected a min that is not above max',
  });
type Range = z.output<typeof rangeSchema>;

const rangeShape = Object.fromEntries(
  MEASURE_NAMES.map(name => [name, rangeSchema.optional().describe(measureRow(name).about)]),
) as Record<MeasureName, z.ZodOptional<typeof rangeSchema>>;

export const rulesSchema = z.strictObject({
  ...rangeShape,
  language: z
    .strictObject({ allow: z.array(z.enum(LANGUAGES)).min(1) })
    .optional()
    .describe('languages of captions that stay, by ISO 639-1 code; a caption whose language cannot be told stays'),
  scores: z
    .record(scoreNameSchema, rangeSchema)
    .optional()
    .describe('by label, the range of the scores of a classifier'),
  duplicate: z
    .strictObject({ max: z.int().min(0).max(1_000_000) })
    .optional()
    .describe('most near-duplicates of a picture that stay beside it; 0: of nearly equal pictures the first'),
});
export type Rules = z.output<typeof rulesSchema>;

/** Why a picture is left out. */
export interface Verdict {
  readonly reason: string;
  /** The reason without this picture's own number. */
  readonly group: string;
}

/** Whether a reason is that of a rule. */
export function isByRule(reason: string): boolean {
  return /\(rules\..+\)$/.test(reason);
}

/** The first rule that a picture breaks; undefined: none. The rule `duplicate` looks at other pictures, too. */
export function judge(rules: Rules, record: CurationRecord): Verdict | undefined {
  for (const name of MEASURE_NAMES) {
    const [range, value] = [rules[name], record.measures[name]];
    if (range === undefined || value === undefined) continue;
    const found = judgeRange(`rules.${name}`, measureRow(name).about, range, value, each => sayMeasure(name, each));
    if (found) return found;
  }
  const { language } = record;
  if (rules.language && language && language.code !== 'und' && !isIn(rules.language.allow, language.code)) {
    const allowed = rules.language.allow.join(', ');
    return {
      reason: `the caption is in the language ${language.code}; expected ${allowed} (rules.language)`,
      group: `a caption in another language than ${allowed} (rules.language)`,
    };
  }
  for (const [label, range] of Object.entries(rules.scores ?? {})) {
    const value = record.scores?.[label];
    if (value === undefined) continue;
    const say = (each: number) => String(Number(each.toPrecision(4)));
    const found = judgeRange(`rules.scores.${label}`, `the score "${label}"`, range, value, say);
    if (found) return found;
  }
  return undefined;
}

function isIn(codes: readonly string[], code: string): boolean {
  return codes.includes(code);
}

function judgeRange(
  rule: string,
  about: string,
  { min, max }: Range,
  value: number,
  say: (value: number) => string,
): Verdict | undefined {
  const isLow = min !== undefined && value < min;
  const isHigh = max !== undefined && value > max;
  if (!isLow && !isHigh) return undefined;
  const [bound, word, key] = isLow ? [min, 'least', 'min'] : [max ?? 0, 'most', 'max'];
  const limit = say(bound);
  const subject = about.split(/[:;,]/)[0] ?? about;
  return {
    reason: `${subject} is ${say(value)}; expected at ${word} ${limit} (${rule}.${key})`,
    group: `${subject} is ${isLow ? 'below' : 'above'} ${limit} (${rule}.${key})`,
  };
}

/** Rules whose number no picture has: they would say nothing. */
export function findIdleRules(rules: Rules, records: readonly CurationRecord[]): string[] {
  const measured = MEASURE_NAMES.filter(
    name => rules[name] !== undefined && !records.some(({ measures }) => measures[name] !== undefined),
  );
  const scored = Object.keys(rules.scores ?? {}).filter(
    label => !records.some(({ scores }) => scores?.[label] !== undefined),
  );
  return [...measured, ...scored.map(label => `scores.${label}`)];
}

/** Whether a rule reads the measures of `curate`. */
export function needsMeasures({ duplicate: _, ...others }: Rules): boolean {
  return Object.values(others).some(rule => rule !== undefined);
}
