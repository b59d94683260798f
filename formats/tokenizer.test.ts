import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { drawTexts } from './testing/draw-texts.ts';
import { hashIds, readTokenizerGoldens } from './testing/tokenizer-goldens.ts';
import { readTokenizer, TOKENIZERS_VERSION } from './tokenizer.ts';

const goldens = readTokenizerGoldens();
const texts = drawTexts(1, 1000);
const readFile = (kind: string) =>
  gunzipSync(readFileSync(new URL(`testdata/${kind}.tokenizer.json.gz`, import.meta.url)));
const change = (kind: string, key: string, value: object) => {
  const json: Record<string, unknown> = JSON.parse(readFile(kind).toString());
  return Buffer.from(JSON.stringify({ ...json, [key]: value }));
};

describe('a tokenizer', () => {
  it('the texts are those of the goldens, with emoji, ideographs, control characters and 20 long ones', () => {
    expect(createHash('sha256').update(texts.join('\u0001')).digest('hex')).toBe(goldens.texts);
    for (const script of [/\p{Extended_Pictographic}/u, /\p{Script=Han}/u, /[\u{20000}-\u{2001f}]/u, /\p{Cc}/u]) {
      expect(texts.filter(text => script.test(text)).length).toBeGreaterThan(30);
    }
    expect(goldens.unigram.counts.filter(count => count > 512).length).toBeGreaterThanOrEqual(20);
  });

  it.each([
    ['wordpiece', 2],
    ['unigram', 1],
    ['bpe', 2],
  ] as const)('%s gives the tokens of the library tokenizers, cut at 512', (kind, specials) => {
    const tokenizer = readTokenizer(readFile(kind));
    expect(tokenizer.specials).toBe(specials);
    // BPE takes ten times as long as word pieces: every fifth of its texts, and every tenth for the counts.
    const share = <T>(values: readonly T[]) => values.filter((_, i) => kind !== 'bpe' || i % 5 === 4);
    expect(share(texts).map(text => hashIds(tokenizer.encode(text, goldens.most)))).toEqual(
      share(goldens[kind].hashes),
    );
    const some = <T>(values: readonly T[]) => values.filter((_, i) => i % 10 === 9);
    expect(some(texts).map(text => tokenizer.count(text))).toEqual(some(goldens[kind].counts));
  });

  it('keeps the special tokens of a text that it cuts', () => {
    const { encode } = readTokenizer(readFile('wordpiece'));
    const [long, short] = [encode('red hair '.repeat(9), 6), encode('red', 6)];
    expect(long).toHaveLength(6);
    expect([long[0], long.at(-1)]).toEqual([short[0], short.at(-1)]);
    expect(encode('', 6)).toEqual([short[0], short.at(-1)]);
  });

  it('the version that enters actions is that of the installed library', () => {
    const installed = new URL('../node_modules/@huggingface/tokenizers/package.json', import.meta.url);
    expect(JSON.parse(readFileSync(installed, 'utf8')).version).toBe(TOKENIZERS_VERSION);
  });

  it('refuses what is no tokenizer.json, and tokenizers of a kind that was not compared', () => {
    expect(() => readTokenizer(Buffer.from('{'))).toThrow('is not a tokenizer.json');
    expect(() => readTokenizer(Buffer.from('{}'))).toThrow('is not a tokenizer.json');
    expect(() => readTokenizer(change('wordpiece', 'model', { type: 'BPE' }))).toThrow(
      'of the kind BPE and splits words',
    );
    expect(() => readTokenizer(change('wordpiece', 'model', { type: 'WordLevel' }))).toThrow('of the kind WordLevel');
    const model = { type: 'Unigram', byte_fallback: true };
    expect(() => readTokenizer(change('unigram', 'model', model))).toThrow('of the kind Unigram with byte_fallback');
    expect(() => readTokenizer(change('unigram', 'pre_tokenizer', { type: 'Other' }))).toThrow('not a tokenizer.json');
    const damaged = { type: 'Precompiled', precompiled_charsmap: 'AAAA' };
    expect(() => readTokenizer(change('unigram', 'normalizer', damaged))).toThrow('character map');
    const behind = { type: 'Sequence', normalizers: [{ type: 'NFKC' }, damaged] };
    expect(() => readTokenizer(change('unigram', 'normalizer', behind))).toThrow('behind others');
  });
});
