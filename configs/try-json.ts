/** The value of a text of JSON; undefined for another text, and for none. */
export function tryJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
