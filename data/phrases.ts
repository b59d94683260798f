/** @file Articles, lists and capitals of captions. */

/** 'a orange hat' -> 'an orange hat', wherever it stands. */
export function withArticles(phrase: string): string {
  return phrase.replace(/\ba (?=[aeiou])/g, 'an ');
}

/** 'orange hat' -> 'an orange hat'. */
export function article(noun: string): string {
  return withArticles(`a ${noun}`);
}

/** 'x', 'x and y', 'x, y and z'. */
export function list(phrases: readonly string[]): string {
  return phrases.length < 2 ? phrases.join('') : `${phrases.slice(0, -1).join(', ')} and ${phrases.at(-1)}`;
}

export function upper(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
}
