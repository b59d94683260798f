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
  readonly letters: RegExp;
  /** Codes of the languages that are written in it. */
  readonly writes: readonly string[];
  /** Letters of the second of these languages alone. */
  readonly ofSecond?: RegExp;
  /** Share of the letters of a text above which it is in this script. */
  readonly least?: number;
}

const HALF = 0.5;
const LATIN: Script = { letters: /\p{Script=Latin}/gu, writes: Object.keys(LATIN_LANGUAGES) };

const SCRIPTS: readonly Script[] = [
  // Japanese mixes its own letters with Chinese ones.
  { letters: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu, writes: ['ja'], least: 0.1 },
  { letters: /\p{Script=Hangul}/gu, writes: ['ko'] },
  { letters: /\p{Script=Han}/gu, writes: ['zh', 'ja'] },
  { letters: /\p{Script=Cyrillic}/gu, writes: ['ru', 'uk'], ofSecond: /[іїєґ]/iu },
  { letters: /\p{Script=Greek}/gu, writes: ['el'] },
  { letters: /\p{Script=Arabic}/gu, writes: ['ar', 'fa'], ofSecond: /[پچژگ]/u },
  { letters: /\p{Script=Hebrew}/gu, writes: ['he'] },
  { letters: /\p{Script=Devanagari}/gu, writes: ['hi'] },
  { letters: /\p{Script=Thai}/gu, writes: ['th'] },
  { letters: /\p{Script=Bengali}/gu, writes: ['bn'] },
];

/** Codes that {@link tellLanguage} gives. */
export const LANGUAGES: readonly string[] = [...new Set([LATIN, ...SCRIPTS].flatMap(({ writes }) => writes))];

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
  const letters = countLetters(text);
  if (letters === 0) return UNKNOWN;
  for (const { letters: pattern, least = HALF, writes, ofSecond } of SCRIPTS) {
    const share = (text.match(pattern)?.length ?? 0) / letters;
    const code = writes[ofSecond?.test(text) ? 1 : 0];
    if (share > least && code !== undefined) return { code, confidence: round(share) };
  }
  return tellLatin(text.normalize('NFC').toLowerCase());
}

/** Share of the letters of a text that belong to the scripts of a language; 0 without letters. */
export function shareOfScript(text: string, code: string): number {
  const scripts = [LATIN, ...SCRIPTS].filter(({ writes }) => writes.includes(code));
  const own = scripts.reduce((sum, { letters }) => sum + (text.match(letters)?.length ?? 0), 0);
  return own / Math.max(1, countLetters(text));
}

function countLetters(text: string): number {
  return text.match(/\p{Letter}/gu)?.length ?? 0;
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
