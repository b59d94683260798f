/**
 * @file Tells the language of a caption: by its script, and in Latin script by frequent words and rare letters. It
 * knows 18 languages in Latin script and 12 of other scripts, and does not tell close relatives apart in a few words
 * (Danish and Norwegian, Russian and Bulgarian). A list of keywords has no such words, so its language stays untold.
 */
import { LATIN_LANGUAGES } from './stop-words.ts';

export interface Language {
  /** ISO 639-1 code; `und`: it cannot be told. */
  readonly code: string;
  /** 0 to 1: the lead over the next language, or the share of the script. */
  readonly confidence: number;
}

const UNKNOWN: Language = { code: 'und', confidence: 0 };
/** Below this number of marks, weighed by how few languages have them, a text is too short. */
const LEAST_EVIDENCE = 1;
/** Share of the evidence of the two best languages that the best must have. */
const LEAST_CONFIDENCE = 0.55;
/** A letter that few languages have counts as much as so many words. */
const LETTER_WEIGHT = 0.5;
const DIGITS = 3;

interface Script {
  readonly pattern: RegExp;
  /** Share of the letters from which on the text is in this script. */
  readonly least?: number;
  code(text: string): string;
}

const HALF = 0.5;

const SCRIPTS: readonly Script[] = [
  // Japanese mixes its own letters with Chinese ones.
  { pattern: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu, least: 0.1, code: () => 'ja' },
  { pattern: /\p{Script=Hangul}/gu, code: () => 'ko' },
  { pattern: /\p{Script=Han}/gu, code: () => 'zh' },
  { pattern: /\p{Script=Cyrillic}/gu, code: text => (/[іїєґ]/iu.test(text) ? 'uk' : 'ru') },
  { pattern: /\p{Script=Greek}/gu, code: () => 'el' },
  { pattern: /\p{Script=Arabic}/gu, code: text => (/[پچژگ]/u.test(text) ? 'fa' : 'ar') },
  { pattern: /\p{Script=Hebrew}/gu, code: () => 'he' },
  { pattern: /\p{Script=Devanagari}/gu, code: () => 'hi' },
  { pattern: /\p{Script=Thai}/gu, code: () => 'th' },
  { pattern: /\p{Script=Bengali}/gu, code: () => 'bn' },
];

/** By word or letter, the languages that have it. */
const WORDS = indexMarks(({ words }) => words.split(' '));
const LETTERS = indexMarks(({ letters = '' }) => [...letters]);

function indexMarks(marksOf: (marks: { words: string; letters?: string }) => readonly string[]) {
  const found = new Map<string, Set<string>>();
  for (const [code, marks] of Object.entries(LATIN_LANGUAGES)) {
    for (const mark of marksOf(marks)) found.set(mark, (found.get(mark) ?? new Set()).add(code));
  }
  return found;
}

export function tellLanguage(text: string): Language {
  const letters = text.match(/\p{Letter}/gu)?.length ?? 0;
  if (letters === 0) return UNKNOWN;
  for (const { pattern, least = HALF, code } of SCRIPTS) {
    const share = (text.match(pattern)?.length ?? 0) / letters;
    if (share > least) return { code: code(text), confidence: round(share) };
  }
  return tellLatin(text.normalize('NFC').toLowerCase());
}

function tellLatin(text: string): Language {
  const evidence = new Map<string, number>();
  const add = (codes: ReadonlySet<string> | undefined, weight: number) => {
    for (const code of codes ?? []) evidence.set(code, (evidence.get(code) ?? 0) + weight / (codes?.size ?? 1));
  };
  for (const word of text.match(/\p{Letter}+/gu) ?? []) {
    add(WORDS.get(word), 1);
    for (const letter of new Set(word)) add(LETTERS.get(letter), LETTER_WEIGHT);
  }
  const [best, second] = [...evidence].sort((a, b) => b[1] - a[1]);
  if (best === undefined || best[1] < LEAST_EVIDENCE) return UNKNOWN;
  const confidence = best[1] / (best[1] + (second?.[1] ?? 0));
  return confidence < LEAST_CONFIDENCE ? UNKNOWN : { code: best[0], confidence: round(confidence) };
}

function round(share: number): number {
  return Number(share.toFixed(DIGITS));
}

/** Codes that {@link tellLanguage} gives. */
export const LANGUAGES: readonly string[] = [
  ...Object.keys(LATIN_LANGUAGES),
  ...['ja', 'ko', 'zh', 'ru', 'uk', 'el', 'ar', 'fa', 'he', 'hi', 'th', 'bn'],
];
