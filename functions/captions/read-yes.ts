/** @file How much an answer says yes, after VQAScore (arXiv 2404.01291): the probability of that word. */
import type { Description } from '../define.ts';
import { withoutThoughts } from './tidy-answer.ts';

/** Below this, the first token was to be something else, such as the beginning of a sentence. */
const LEAST_SHARE = 0.5;

export interface Yes {
  /** In [0, 1]; undefined: the answer is neither yes nor no. */
  readonly yes: number | undefined;
  /** What it was read from. */
  readonly by: 'probability' | 'text' | 'unclear';
}

export function readYes({ text, finish, firstTokens = [] }: Description): Yes {
  const shareOf = (word: string) =>
    firstTokens.reduce((sum, { token, logprob }) => (wordIn(token) === word ? sum + Math.exp(logprob) : sum), 0);
  const [yes, no] = [shareOf('yes'), shareOf('no')];
  if (yes + no >= LEAST_SHARE) return { yes: Math.min(1, yes), by: 'probability' };
  const word = finish === 'filter' ? undefined : /^[^a-z]*(yes|no)\b/i.exec(withoutThoughts(text))?.[1]?.toLowerCase();
  return word === undefined ? { yes: undefined, by: 'unclear' } : { yes: Number(word === 'yes'), by: 'text' };
}

/** Tokenizers write `Yes`, ` yes` and `▁YES`. */
function wordIn(token: string): string {
  return token.toLowerCase().replaceAll(/[^a-z]/g, '');
}
