/** @file What the commands have in common that judge one checkpoint. */
import { InvalidInput } from '../errors.ts';

/** @throws InvalidInput if there are further words behind the checkpoint, which a command would ignore. */
export function requireOne(words: readonly string[], done: string, hint: string): void {
  if (words.length <= 1) return;
  throw new InvalidInput(`one experiment is ${done} at a time, and ${words.join(', ')} are named`, {
    expected: 'one name',
    hint,
  });
}

/** `a, b` */
export function splitWords(text: string): string[] {
  return text.split(',').map(word => word.trim());
}

/** Where the results lie. @param found The folder of the view, or without one the digest of the document. */
export function placeOf({
  folder,
  document,
}: {
  readonly folder?: string | undefined;
  readonly document: string;
}): string {
  return folder === undefined ? `GET /objects/${document}` : `${folder} in the store`;
}
