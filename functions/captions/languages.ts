/** @file Tells whether a text is in the language that was asked for: by its letters, and by its commonest words. */

interface Language {
  /** Name in English, as it stands in a prompt. */
  readonly name: string;
  readonly letters: RegExp;
  /** The commonest words of a language that shares its letters with others. */
  readonly words?: readonly string[];
}

const LATIN = /\p{Script=Latin}/u;

const split = (words: string) => words.split(' ');

export const LANGUAGES = {
  en: { name: 'English', letters: LATIN, words: split('the a an and of in on with is are her his at to by from') },
  de: {
    name: 'German',
    letters: LATIN,
    words: split('der die das und ein eine einem einen mit ist im auf von dem den'),
  },
  fr: { name: 'French', letters: LATIN, words: split('le la les un une des et est dans sur avec du au qui en son') },
  es: { name: 'Spanish', letters: LATIN, words: split('el la los las un una y de con en su del es al que lleva') },
  it: { name: 'Italian', letters: LATIN, words: split('il lo la gli le un una e di con in su del della che è') },
  pt: { name: 'Portuguese', letters: LATIN, words: split('o a os as um uma e de com em do da no na seu sua') },
  nl: { name: 'Dutch', letters: LATIN, words: split('de het een en van met op in is zijn haar aan naar voor') },
  ru: { name: 'Russian', letters: /\p{Script=Cyrillic}/u },
  zh: { name: 'Chinese', letters: /\p{Script=Han}/u },
  ja: { name: 'Japanese', letters: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u },
  ko: { name: 'Korean', letters: /\p{Script=Hangul}/u },
} as const satisfies Readonly<Record<string, Language>>;

export type LanguageCode = keyof typeof LANGUAGES;
export const LANGUAGE_CODES = Object.keys(LANGUAGES) as [LanguageCode, ...LanguageCode[]];

/** Share of letters that must belong to the language: names and signs in a picture may be foreign. */
const LEAST_LETTERS = 0.85;
/** Shorter texts may lack common words. */
const LEAST_WORDS = 20;

/** What is wrong with the language of a text; undefined if nothing is. */
export function problemOfLanguage(text: string, code: LanguageCode): string | undefined {
  const language: Language = LANGUAGES[code];
  const letters = [...text].filter(char => /\p{L}/u.test(char));
  const own = letters.filter(char => language.letters.test(char)).length;
  const problem = `not in ${language.name}`;
  if (letters.length === 0 || own < LEAST_LETTERS * letters.length) return problem;
  // Kanji alone is Chinese.
  if (code === 'ja' && !/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return problem;
  if (language.words === undefined) return undefined;
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  if (words.length < LEAST_WORDS) return undefined;
  const common = countCommon(words, language);
  const rivals: readonly Language[] = Object.values(LANGUAGES);
  return common === 0 || rivals.some(rival => countCommon(words, rival) > common) ? problem : undefined;
}

function countCommon(words: readonly string[], { words: common = [] }: Language): number {
  const known = new Set(common);
  return words.filter(word => known.has(word)).length;
}
