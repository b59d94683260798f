import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeWords, splitWords, WORDS_ENCODER } from './words.ts';

const vectorsOf = (text: string) => {
  const { tokens, dim, data } = encodeWords(text);
  return Array.from({ length: tokens }, (_, i) =>
    [0, 1, 2].map(part => data.slice(i * dim + part * 64, i * dim + part * 64 + 64)),
  );
};

describe('words', () => {
  test.each([
    ['A Navy hoodie, on pink.', ['a', 'navy', 'hoodie', 'on', 'pink']],
    ["a person's V-neck", ['a', 'persons', 'v', 'neck']],
    ['Straße CAFÉ \u0065\u0301t\u00e9', ['straße', 'café', 'été']],
    ['日本語 text カナ', ['日', '本', '語', 'text', 'カ', 'ナ']],
    ['3 cats & 2½ dogs!', ['3', 'cats', '21', '2', 'dogs']],
    [' ... ', []],
  ])('splitWords of %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test('encodeWords keeps at most 64 words', () => {
    expect(encodeWords('word '.repeat(100))).toMatchObject({ tokens: 64, dim: 192 });
    expect(encodeWords('').data).toHaveLength(0);
  });
});

describe('vectors', () => {
  test('a vector has the word, the next and the previous word, and zeros beyond the ends', () => {
    const [red, bob] = vectorsOf('red bob');
    const zeros = new Float32Array(64);
    expect(red?.[1]).toEqual(bob?.[0]);
    expect(bob?.[2]).toEqual(red?.[0]);
    expect(red?.[2]).toEqual(zeros);
    expect(bob?.[1]).toEqual(zeros);
    expect(vectorsOf('RED')[0]?.[0]).toEqual(red?.[0]);
  });

  test('numbers of a word: sums of 12 little-endian 16-bit uniforms from sha256(sha256(word) | block)', () => {
    const seed = createHash('sha256').update('hair').digest();
    const stream = Buffer.concat(
      Array.from({ length: 48 }, (_, block) =>
        createHash('sha256')
          .update(Buffer.concat([seed, Buffer.of(block)]))
          .digest(),
      ),
    );
    const expected = Float32Array.from({ length: 64 }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < 12; k++) sum += stream.readUInt16LE((12 * i + k) * 2) / 65536 - 32767.5 / 65536;
      return sum;
    });
    const actual = vectorsOf('hair')[0]?.[0] ?? [];
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 6);
  });

  test('numbers of words are standard normal, and those of different words unrelated', () => {
    const numbers = Array.from({ length: 400 }, (_, i) => vectorsOf(`word${i}`)[0]?.[0] ?? new Float32Array());
    const all = numbers.flatMap(each => [...each]);
    const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
    const variance = all.reduce((sum, x) => sum + x * x, 0) / all.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(variance).toBeCloseTo(1, 1);
    // 68.3 % of normals lie within one standard deviation.
    expect(all.filter(x => Math.abs(x) < 1).length / all.length).toBeCloseTo(0.683, 1);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / 64;
    for (let i = 1; i < numbers.length; i++) {
      expect(Math.abs(dot(numbers[0] ?? new Float32Array(), numbers[i] ?? new Float32Array()))).toBeLessThan(0.6);
    }
  });

  test('the vectors of words never change', () => {
    const bytes = Buffer.from(encodeWords('a person with red hair').data.buffer);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      'e2d441ea0f7a2501e429e36b8e9ab6f5e88fb53b43078a75b88017531b6518b9',
    );
    expect(WORDS_ENCODER).toEqual({ name: 'words', dim: 192, tokens: 64 });
  });
});
