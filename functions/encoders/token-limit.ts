/** @file How much of a text an encoder with a tokenizer reads. The tokenizer is a part of its weights. */
import { readTokenizer } from '../../formats/tokenizer.ts';
import type { TextLimit } from './encoder.ts';

/** Tokens count with those that the tokenizer adds to every text; a text without tokens of its own has none. */
export const TOKEN_LIMIT: TextLimit<{ readonly tokens: number }> = {
  most: ({ tokens }) => tokens,
  unit: 'token',
  part: 'tokenizer',
  open(file) {
    const { count, specials } = readTokenizer(file);
    return text => {
      const own = count(text);
      return own === 0 ? 0 : own + specials;
    };
  },
};
