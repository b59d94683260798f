/** @file Finds in answers what must not leave the server. */

/** A text that no answer may have, and where the server has it from. */
export interface Secret {
  readonly text: string;
  readonly what: string;
}

/** The replacement character as bytes or as JSON, and words of zod that tell nothing. */
const NEVER: readonly Secret[] = [
  { text: '\uFFFD', what: 'a replacement character' },
  { text: '\\ufffd', what: 'a replacement character' },
  { text: 'Invalid input', what: 'zod\'s "Invalid input"' },
  { text: 'Too small:', what: "zod's own words" },
  { text: 'Too big:', what: "zod's own words" },
];

/** @param own Texts of the caller, which may come back. @returns What leaks, in words. */
export function findLeaks(answer: string, secrets: readonly Secret[], own: readonly string[] = []): string[] {
  const said = own.filter(text => text !== '').reduce((text, mine) => text.replaceAll(mine, ''), answer);
  return [...NEVER, ...secrets].flatMap(({ text, what }) => {
    const at = said.indexOf(text);
    return at < 0 ? [] : [`${what}: ${said.slice(Math.max(0, at - 120), at + text.length + 80)}`];
  });
}
