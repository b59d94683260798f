/** @file What the library `tokenizers` made of 1,000 texts: testdata/make-tokenizer-goldens.py. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

interface Golden {
  /** Of the tokens of each text, cut. */
  readonly hashes: readonly string[];
  /** Tokens of each whole text, without special ones. */
  readonly counts: readonly number[];
}

export interface TokenizerGoldens {
  /** sha256 of the texts. */
  readonly texts: string;
  /** Most tokens of a text. */
  readonly most: number;
  readonly wordpiece: Golden;
  readonly unigram: Golden;
  readonly bpe: Golden;
  readonly 'minilm-l6': Pick<Golden, 'hashes'>;
}

export function readTokenizerGoldens(): TokenizerGoldens {
  const packed = readFileSync(new URL('../testdata/tokenizer-goldens.json.gz', import.meta.url));
  return JSON.parse(gunzipSync(packed).toString());
}

export function hashIds(ids: readonly number[]): string {
  return createHash('sha256').update(ids.join(',')).digest('hex').slice(0, 8);
}
