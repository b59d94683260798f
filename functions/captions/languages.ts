/** @file The languages in which a model may be asked for captions, and whether a caption is in the one it should be. */
import { LATIN_LANGUAGES } from './stop-words.ts';
import { shareOfScript, tellLanguage } from './tell-language.ts';

/** By ISO 639-1 code, the name in English, as it stands in a prompt. */
export const LANGUAGE_NAMES = {
  en: 'English',
  de: 'German',
  fr: 'French',
  es: 'Spanish',
  it: 'Italian',
  pt: 'Portuguese',
  nl: 'Dutch',
  ru: 'Russian',
  zh: 'Chinese',
  ja: 'Japanese',
  ko: 'Korean',
} as const;

export type LanguageCode = keyof typeof LANGUAGE_NAMES;
export const LANGUAGE_CODES = Object.keys(LANGUAGE_NAMES) as [LanguageCode, ...LanguageCode[]];

/** Share of letters that must belong to the language: names and signs in a picture may be foreign. */
const LEAST_LETTERS = 0.85;
/** Shorter texts in Latin script may lack the frequent words of their language. */
const LEAST_WORDS = 20;

/** What is wrong with the language of a text of so many words; undefined if nothing is. */
export function problemOfLanguage(text: string, words: number, code: LanguageCode): string | undefined {
  const isTooShort = words < LEAST_WORDS && Object.hasOwn(LATIN_LANGUAGES, code);
  const isRight = isTooShort || tellLanguage(text).code === code;
  return isRight && shareOfScript(text, code) >= LEAST_LETTERS ? undefined : `not in ${LANGUAGE_NAMES[code]}`;
}
