/**
 * @file The built-in text encoder `words`: no download, no weights, and the same numbers on every machine. The vector
 * of a word is [h(word), h(next word), h(previous word)], where h is 64 standard normals seeded by sha256(word). The
 * vector contains the neighbours, so "red hair" and "navy hoodie" bind without a text model.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineEncoder } from './encoder.ts';

export const WORDS_ENCODER = { name: 'words', dim: 192, tokens: 64 } as const;

const NUMBERS_PER_WORD = WORDS_ENCODER.dim / 3;
/** Numbers beside the first and the last word, which have one neighbour. */
const NO_WORD = new Float32Array(NUMBERS_PER_WORD);
/** A normal is the sum of this many uniforms (Irwin-Hall). Its variance is 12/12 = 1, and it needs only additions. */
const UNIFORMS_PER_NORMAL = 12;
/** Number of words whose numbers are remembered: about 5 MB. */
const MAX_REMEMBERED = 20_000;

/** Scripts that are written without spaces. */
const UNSPACED = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}`;
/** Runs of letters, marks and digits, or single characters in scripts without spaces. */
const WORD = new RegExp(String.raw`[${UNSPACED}]|[[\p{L}\p{M}\p{N}]--[${UNSPACED}]]+`, 'gv');

export interface EncodedWords {
  /** Number of words of the text, at most 64. */
  readonly tokens: number;
  readonly dim: 192;
  /** f32 [tokens, dim]. */
  readonly data: Float32Array;
}

/** Lower-case words without punctuation, in order. Apostrophes inside a word are removed ("person's" is one word). */
export function splitWords(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().replaceAll(/['’]/g, '').match(WORD) ?? [];
}

/** Encodes at most 64 words. An empty text has no tokens. */
export function encodeWords(text: string): EncodedWords {
  const words = splitWords(text).slice(0, WORDS_ENCODER.tokens);
  const numbers = words.map(numbersOf);
  const data = new Float32Array(words.length * WORDS_ENCODER.dim);
  for (let i = 0; i < words.length; i++) {
    const neighbours = [numbers[i], numbers[i + 1], i > 0 ? numbers[i - 1] : undefined];
    for (const [part, values] of neighbours.entries()) {
      data.set(values ?? NO_WORD, i * WORDS_ENCODER.dim + part * NUMBERS_PER_WORD);
    }
  }
  return { tokens: words.length, dim: WORDS_ENCODER.dim, data };
}

const remembered = new Map<string, Float32Array>();

function numbersOf(word: string): Float32Array {
  const known = remembered.get(word);
  if (known !== undefined) return known;
  const numbers = drawNormals(createHash('sha256').update(word).digest());
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(word, numbers);
  return numbers;
}

/** 64 standard normals from sha256(seed | block number), read as little-endian 16-bit uniforms. */
function drawNormals(seed: Uint8Array): Float32Array {
  const normals = new Float32Array(NUMBERS_PER_WORD);
  let block = Buffer.alloc(0);
  let blocks = 0;
  let at = 0;
  for (let i = 0; i < normals.length; i++) {
    let sum = 0;
    for (let k = 0; k < UNIFORMS_PER_NORMAL; k++) {
      if (at === block.length) {
        block = createHash('sha256').update(seed).update(Uint8Array.of(blocks++)).digest();
        at = 0;
      }
      sum += block.readUInt16LE(at);
      at += 2;
    }
    // A uniform in 0 ... 65535 has mean 32767.5. Divided by 65536, its variance is 1/12.
    normals[i] = (sum - UNIFORMS_PER_NORMAL * 32767.5) / 65536;
  }
  return normals;
}

export const wordsEncoder = defineEncoder({
  name: WORDS_ENCODER.name,
  version: 1,
  reads: 'caption',
  options: z.strictObject({}),
  makes: { text: () => ({ dim: WORDS_ENCODER.dim, tokens: WORDS_ENCODER.tokens }) },
  optionsOf: () => ({}),
  limit: { most: () => WORDS_ENCODER.tokens, unit: 'word', open: () => text => splitWords(text).length },
  runs: 'server',
  encode(caption) {
    const { tokens, dim, data } = encodeWords(caption);
    return { text: { shape: [tokens, dim], data } };
  },
});
