/**
 * @file Tokenizers of the file tokenizer.json (huggingface/tokenizers): text to tokens. The library
 * @huggingface/tokenizers computes them. Where it differs from the library `tokenizers`, the text is prepared here.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { readCharacterMap } from './character-map.ts';

/** Version of the library: it decides the tokens (tested to be the installed one). */
export const TOKENIZERS_VERSION = '0.2.0';

export interface TextTokenizer {
  /** Tokens that each text gets besides its own: [CLS] and [SEP], or </s>. */
  readonly specials: number;
  /** Number of tokens of the text itself. */
  count(text: string): number;
  /** Ids of the special tokens and of the first tokens of the text, `most` together. */
  encode(text: string, most: number): number[];
}

const normalizerSchema = z.looseObject({
  type: z.string(),
  precompiled_charsmap: z.string().nullish(),
  handle_chinese_chars: z.boolean().nullish(),
});

const fileSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional(), byte_fallback: z.boolean().nullish() }),
  normalizer: normalizerSchema.extend({ normalizers: z.array(normalizerSchema).optional() }).nullish(),
});

type Prepare = (text: string) => string;

/** Kinds of models whose tokens are compared with those of the library `tokenizers`. */
const MODELS = ['WordPiece', 'Unigram', 'BPE'] as const;

/** @throws Unprocessable for another file, and for a tokenizer of another kind. */
export function readTokenizer(file: Uint8Array): TextTokenizer {
  const parsed = fileSchema.safeParse(parseJson(file));
  if (!parsed.success) throw malformed(parsed.error);
  const { normalizer, ...json } = parsed.data;
  const { type, byte_fallback: fallsBack } = json.model;
  if (!MODELS.some(each => each === type) || fallsBack === true) {
    throw new Unprocessable(
      `the tokenizer is of the kind ${type ?? 'unknown'}${fallsBack ? ' with byte_fallback' : ''}`,
      {
        expected: `one of ${MODELS.join(', ')}, as BERT, T5 and CLIP have them`,
      },
    );
  }
  const { prepare: normalize, rest } = takeOver(normalizer);
  const whole = { ...json, normalizer: rest };
  const given: unknown =
    type === 'BPE' ? spellSpaces({ ...whole, pre_tokenizer: splitOnce(json.pre_tokenizer) }) : whole;
  // For the library `tokenizers` this character is white space, for JavaScript it is not.
  const splits = JSON.stringify(json.pre_tokenizer ?? null).includes('"WhitespaceSplit"');
  const prepare: Prepare = text => (splits ? normalize(text).replaceAll('\u0085', ' ') : normalize(text));
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(given as object, {});
  } catch (cause) {
    throw malformed(cause);
  }
  const idsOf = (text: string, special: boolean) =>
    tokenizer.encode(prepare(text), { add_special_tokens: special }).ids;
  const { before, after } = findSpecials(idsOf);
  const specials = before.length + after.length;
  return {
    specials,
    count: text => idsOf(text, false).length,
    encode(text, most) {
      const ids = idsOf(text, false).slice(0, Math.max(0, most - specials));
      return [...before, ...ids, ...after];
    },
  };
}

const stepsSchema = z.looseObject({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([
    z.looseObject({ type: z.literal('Split'), pattern: z.object({ Regex: z.string() }) }),
    z.looseObject({ type: z.literal('ByteLevel') }),
  ]),
});

/** How CLIP splits a text into words, each of letters, of one digit or of other characters. */
const CLIP_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;

/**
 * The steps of CLIP, without the second search for words in ByteLevel: it finds the same ones again, but for characters
 * that only JavaScript calls white space.
 * @throws Unprocessable for other steps, whose tokens nobody compared.
 */
function splitOnce(steps: unknown): unknown {
  const parsed = stepsSchema.safeParse(steps);
  if (!parsed.success || parsed.data.pretokenizers[0].pattern.Regex !== CLIP_WORDS) {
    throw new Unprocessable('the tokenizer is of the kind BPE and splits words in another way than CLIP', {
      expected: `one of ${MODELS.join(', ')}, as BERT, T5 and CLIP have them`,
    });
  }
  const [split, bytes] = parsed.data.pretokenizers;
  return { ...parsed.data, pretokenizers: [split, { ...bytes, use_regex: false }] };
}

/** White space of Unicode, as the library `tokenizers` reads \s; JavaScript adds U+FEFF and lacks U+0085. */
const SPACES = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

/** The JSON with \s spelt out in the regular expressions. */
function spellSpaces(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(spellSpaces);
  if (json === null || typeof json !== 'object') return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (key === 'vocab' || key === 'merges') return [key, value];
      return [key, key === 'Regex' && typeof value === 'string' ? spell(value) : spellSpaces(value)];
    }),
  );
}

/** Inside of brackets \s is a part of a class, outside a class of its own. */
function spell(pattern: string): string {
  let isInside = false;
  return pattern.replace(/\\.|[[\]]/g, found => {
    if (found === '[' || found === ']') isInside = found === '[';
    return found === '\\s' ? (isInside ? SPACES : `[${SPACES}]`) : found;
  });
}

function parseJson(file: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file));
  } catch (cause) {
    throw malformed(cause);
  }
}

/** Steps of the normalizer that come first and that the library does otherwise, and the steps that remain for it. */
function takeOver(normalizer: z.output<typeof fileSchema>['normalizer']): { prepare: Prepare; rest: unknown } {
  const [first, ...others] = normalizer?.normalizers ?? (normalizer ? [normalizer] : []);
  const rest = (steps: readonly unknown[]) => (steps.length > 0 ? { type: 'Sequence', normalizers: steps } : null);
  const later = others.find(({ type }) => type === 'Precompiled');
  if (later) {
    throw new Unprocessable('the tokenizer has the normalizer Precompiled behind others', {
      expected: 'it comes first',
    });
  }
  if (first?.type === 'Precompiled') {
    const { precompiled_charsmap: map } = first;
    // Without a map, text stays as it is.
    return { prepare: map ? readCharacterMap(map) : text => text, rest: rest(others) };
  }
  const separates = first?.type === 'BertNormalizer' && first.handle_chinese_chars !== false;
  return { prepare: separates ? separateIdeographs : text => text, rest: rest(first ? [first, ...others] : []) };
}

/** Ideographs beyond 16 bits: BERT makes each a word of its own. The library does so with those of 16 bits only. */
const RARE_IDEOGRAPHS =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

function separateIdeographs(text: string): string {
  return text.replaceAll(RARE_IDEOGRAPHS, ' $& ');
}

/** Ids that stand before and after those of every text. */
function findSpecials(idsOf: (text: string, special: boolean) => number[]) {
  const [own, all] = [idsOf('a', false), idsOf('a', true)];
  const at = all.findIndex((_, start) => own.every((id, i) => all[start + i] === id));
  if (own.length === 0 || at < 0) {
    throw new Unprocessable('the tokenizer changes tokens of a text where it adds special ones', {
      expected: 'special tokens before and after those of the text',
    });
  }
  return { before: all.slice(0, at), after: all.slice(at + own.length) };
}

function malformed(cause: unknown): Unprocessable {
  return new Unprocessable('the file of the tokenizer is not a tokenizer.json', {
    expected: 'tokenizer.json as the library tokenizers writes it',
    cause,
  });
}
