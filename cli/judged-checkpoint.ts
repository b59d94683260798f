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

/** Options of commands that judge a checkpoint by networks and models that one may choose. */
export const judgeArgs = {
  extractor: {
    type: 'string',
    description: 'describes pictures: an extractor or a stored network (default: the first that training did not see)',
    valueHint: 'NAME',
  },
  vqa: {
    type: 'string',
    description: 'ask a model of ollama or openai whether the pictures show what their captions say',
    valueHint: 'SOURCE[=MODEL]',
  },
} as const;

interface JudgeArgs {
  readonly extractor?: string | undefined;
  readonly vqa?: string | undefined;
}

/** The keys of a call for {@link judgeArgs}. The source of a model may stand alone, or before `=` and its name. */
export function readJudges({ extractor, vqa }: JudgeArgs) {
  const [source = '', ...model] = vqa?.split('=') ?? [];
  return {
    ...(extractor !== undefined && { extractor }),
    ...(vqa !== undefined && { vqa: { source, ...(model.length > 0 && { model: model.join('=') }) } }),
  };
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
