/**
 * @file Text of others, such as names of files, in sentences for people. What would act instead of being seen is
 * escaped: control characters, which a terminal obeys; separators of lines; marks that turn the direction of what
 * comes after them.
 */
const ACTING = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** A text as one line: 'a\nb' -> 'a\x0ab'. */
export function plainLine(text: string): string {
  return text.replace(ACTING, character => {
    const hex = hexOf(character);
    return hex.length > 2 ? `\\u${hex}` : `\\x${hex.padStart(2, '0')}`;
  });
}

/** A text of several lines, which keeps its line breaks and tabs. */
export function plainText(text: string): string {
  return text.replace(/[^\n\t]+/g, plainLine);
}

/** Indented JSON of the same value. JSON itself escapes only some of these characters. */
export function plainJson(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2);
  return json.replace(ACTING, character =>
    character === '\n' ? character : `\\u${hexOf(character).padStart(4, '0')}`,
  );
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16);
}
