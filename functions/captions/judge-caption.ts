/** @file Refuses answers of models that are no captions: cut off, endless, too short or long, in another language. */
import { deflateSync } from 'node:zlib';
import { quantity } from '../../configs/quantity.ts';
import type { Description } from '../define.ts';
import { type LanguageCode, problemOfLanguage } from './languages.ts';
import { type TidyAnswer, tidyAnswer } from './tidy-answer.ts';

export interface CaptionRules {
  /** Words that were asked for. A caption may have two thirds of the fewest, and half again as many as the most. */
  readonly words: readonly [number, number];
  readonly language: LanguageCode;
}

const TOLERANCE = 1.5;
const APOLOGY =
  /^(?:i(?:'|’)?m (?:sorry|unable|not able)|i am (?:sorry|unable|not able)|(?:sorry|unfortunately|apologies)\b|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t)\b|as an ai\b)/i;
/** A sentence that comes so often is a loop. */
const MOST_EQUAL_SENTENCES = 2;
const MOST_EQUAL_WORDS = 4;
/**
 * Bytes over compressed bytes of a loop; Whisper refuses transcripts by the same measure and value. Captions of 200
 * words have less than 2.
 */
const MOST_COMPRESSION = 2.4;
/** Shorter texts compress badly, whatever they say. */
const LEAST_COMPRESSED_BYTES = 200;

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** The caption that an answer gives, in one line; or why the answer is refused, as a phrase. */
export function readAnswer({ text, finish }: Description, rules: CaptionRules): TidyAnswer {
  if (finish === 'length') return { problem: 'cut off at the limit of tokens' };
  if (finish === 'filter') return { problem: 'withheld by a filter of the server' };
  const tidy = tidyAnswer(text);
  if ('problem' in tidy) return tidy;
  const problem = problemOf(tidy.caption, finish, rules);
  return problem === undefined ? tidy : { problem };
}

function problemOf(caption: string, finish: Description['finish'], { words, language }: CaptionRules) {
  if (APOLOGY.test(caption)) return 'a refusal of the model';
  if (caption.includes('�') || caption.includes('\0')) return 'damaged characters';
  const said = wordsOf(caption);
  const [least, most] = words;
  if (isLoop(caption, said)) return 'it repeats itself';
  if (said.length < least / TOLERANCE) return `too short: ${quantity(said.length, 'word')}`;
  if (said.length > most * TOLERANCE) return `too long: ${quantity(said.length, 'word')}`;
  // A server that says why the answer ends has been asked above.
  if (finish === 'unknown' && !/[.!?…。！？]["'”’)\]]*$/.test(caption)) return 'it ends in the middle of a sentence';
  return problemOfLanguage(caption, said.length, language);
}

/** Words in lower case; of Chinese and Japanese, what ICU takes for words. */
export function wordsOf(text: string): string[] {
  return [...segmenter.segment(text)].flatMap(({ segment, isWordLike }) => (isWordLike ? [segment.toLowerCase()] : []));
}

function isLoop(caption: string, words: readonly string[]): boolean {
  let run = 1;
  for (let at = 1; at < words.length; at++) {
    run = words[at] === words[at - 1] ? run + 1 : 1;
    if (run > MOST_EQUAL_WORDS) return true;
  }
  if (/(\S)\1{15}/u.test(caption)) return true;
  const sentences = caption
    .toLowerCase()
    .split(/(?<=[.!?。！？])\s*/)
    .filter(sentence => sentence.length > 5);
  const counts = new Map<string, number>();
  for (const sentence of sentences) counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
  if ([...counts.values()].some(count => count > MOST_EQUAL_SENTENCES)) return true;
  const bytes = Buffer.from(caption);
  return bytes.length >= LEAST_COMPRESSED_BYTES && bytes.length / deflateSync(bytes).length > MOST_COMPRESSION;
}
