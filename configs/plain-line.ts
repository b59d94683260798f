/** A text as one line: control characters, which names of files may have, are escaped. 'a\nb' -> 'a\x0ab'. */
export function plainLine(text: string): string {
  return text.replace(/\p{Cc}/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
