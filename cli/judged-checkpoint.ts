/** @file What the commands have in common that judge one checkpoint. */
import { InvalidInput } from '../errors.ts';
import { parseCount } from './parse-options.ts';

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

/** `--pose-samples N` as the key of a call. @throws InvalidInput */
export function readPoseSamples({ 'pose-samples': text }: { readonly 'pose-samples'?: string | undefined }) {
  return text === undefined ? {} : { pose_samples: parseCount(text, '--pose-samples', 0) };
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
