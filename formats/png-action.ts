/** @file How a PNG tells the action that made it: server and command line must agree on it. */
import { readPngText } from './png.ts';

/** Keyword of the text chunk. Its value is the digest of the action. */
export const ACTION_KEYWORD = 'easel-action';

/** The digest of the action that a PNG says made it. @throws Unprocessable for bytes that are not a PNG. */
export function readPngAction(png: Uint8Array): string | undefined {
  const text = readPngText(png, ACTION_KEYWORD);
  return text !== undefined && /^sha256:[0-9a-f]{64}$/.test(text) ? text : undefined;
}
