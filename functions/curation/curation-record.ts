/** @file The record that `curate` writes about a picture: its measures by name. */
import { z } from 'zod';
import type { Item } from '../../storage/records.ts';
import { tellLanguage } from '../captions/tell-language.ts';
import type { CropRecord } from '../datasets/crop-record.ts';
import type { PixelMeasures } from './measure-pixels.ts';
import { MEASURE_NAMES, type MeasureName } from './measures.ts';

/** Names of the scores of a classifier: its labels. */
export const scoreNameSchema = z.string().min(1).max(100);

/** A member of the column `scores`: `{"v":1,"scores":{"LABEL":0.5}}`. */
const scoresSchema = z.strictObject({ v: z.literal(1), scores: z.record(scoreNameSchema, z.number()) });

/** @throws ZodError if the member has no scores. */
export function parseScores(bytes: Uint8Array): Readonly<Record<string, number>> {
  return scoresSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).scores;
}

const curationRecordSchema = z.strictObject({
  v: z.literal(1),
  /** A picture without a crop or caption lacks the measures of it. */
  measures: z.partialRecord(z.enum(MEASURE_NAMES), z.number()),
  /** Of the caption; absent: there is none. */
  language: z.strictObject({ code: z.string(), confidence: z.number() }).exactOptional(),
  /** By label, what classifiers say; absent: none has looked. */
  scores: z.record(scoreNameSchema, z.number()).exactOptional(),
});
export type CurationRecord = z.infer<typeof curationRecordSchema>;

/** @throws ZodError if the member is not such a record. */
export function parseCuration(bytes: Uint8Array): CurationRecord {
  return curationRecordSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}

const DIGITS = 6;

export interface Findings {
  readonly pixels: PixelMeasures;
  readonly crop?: CropRecord | undefined;
  /** Undefined: captions are not made yet. */
  readonly caption?: string | undefined;
  readonly scores?: Readonly<Record<string, number>> | undefined;
}

export function recordCuration(
  { width, height }: Pick<Item, 'width' | 'height'>,
  { pixels, crop, caption, scores }: Findings,
): CurationRecord {
  const [short, long] = [Math.min(width ?? 0, height ?? 0), Math.max(width ?? 0, height ?? 0)];
  const measures: Partial<Record<MeasureName, number>> = {
    side: short,
    pixels: short * long,
    aspect: Number((long / Math.max(1, short)).toPrecision(DIGITS)),
    ...(crop && { cut: crop.cut, enlargement: crop.scale }),
    ...(crop?.joints && { joints_lost: crop.joints.lost }),
    ...pixels,
    ...(caption !== undefined && { caption_words: countWords(caption), caption_characters: [...caption].length }),
  };
  const isCaptioned = caption !== undefined && caption.trim() !== '';
  return {
    v: 1,
    measures,
    ...(isCaptioned && { language: tellLanguage(caption) }),
    ...(scores && { scores: { ...scores } }),
  };
}

const ALONE = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}';
/** Letters, digits and marks in a row. In scripts without spaces between words, each character counts as a word. */
const WORD = new RegExp(`[${ALONE}]|(?:(?![${ALONE}])[\\p{L}\\p{N}\\p{M}'\\u2019-])+`, 'gu');

function countWords(text: string): number {
  return text.match(WORD)?.filter(word => /[\p{L}\p{N}]/u.test(word)).length ?? 0;
}
