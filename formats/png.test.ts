import { readFile } from 'node:fs/promises';
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Unprocessable } from '../errors.ts';
import { isPng, readPngText, withPngText } from './png.ts';

/** Written by Pillow; see testdata/make-png-goldens.py. */
const golden = new Uint8Array(await readFile(new URL('testdata/text.png', import.meta.url)));
const DIGEST = `sha256:${'ab'.repeat(32)}`;

test('texts that Pillow wrote are read, the first one of a keyword', () => {
  expect(isPng(golden)).toBe(true);
  expect(readPngText(golden, 'Title')).toBe('café');
  expect(readPngText(golden, 'easel-action')).toBe(DIGEST);
  expect(readPngText(golden, 'easel')).toBeUndefined();
});

test('a text is written after the header with its checksum, and replaces all texts of its keyword', () => {
  const changed = withPngText(golden, 'easel-action', 'other');
  expect(readPngText(changed, 'easel-action')).toBe('other');
  expect(readPngText(changed, 'Title')).toBe('café');
  expect(Buffer.from(changed).toString('latin1').split('easel-action')).toHaveLength(2);
  const at = 8 + 25;
  const length = Buffer.from(changed).readUInt32BE(at);
  expect(Buffer.from(changed).readUInt32BE(at + 8 + length)).toBe(crc32(changed.subarray(at + 4, at + 8 + length)));
});

test('the pixels stay, byte for byte', () => {
  const pixelsOf = (png: Uint8Array) => {
    const at = Buffer.from(png).indexOf('IDAT');
    return inflateSync(png.subarray(at + 4, at + 4 + Buffer.from(png).readUInt32BE(at - 4)));
  };
  // Rows of Pillow's 3 x 2 pixels, each after the number of its filter.
  expect(pixelsOf(withPngText(golden, 'a', 'b'))).toEqual(pixelsOf(golden));
  expect(pixelsOf(golden)).toHaveLength(2 * (1 + 9));
});

test('writing the same text twice gives the same bytes', () => {
  const once = withPngText(golden, 'easel-action', DIGEST);
  expect(withPngText(once, 'easel-action', DIGEST)).toEqual(once);
});

describe('bad bytes', () => {
  test('bytes that are not a PNG are refused', () => {
    expect(() => readPngText(Buffer.from('GIF89a'), 'a')).toThrow(Unprocessable);
  });

  test('a PNG that ends within a chunk is refused', () => {
    expect(() => readPngText(golden.subarray(0, 50), 'none')).toThrow('ends within a chunk');
  });

  test('a text with a flipped bit is refused', () => {
    const flipped = Uint8Array.from(golden);
    const at = Buffer.from(golden).indexOf('easel-action') + 30;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect(() => readPngText(flipped, 'easel-action')).toThrow('has another checksum');
  });

  test.each([
    ['', 'value'],
    ['a key', 'value'],
    ['key', 'café'],
    ['k'.repeat(80), 'value'],
  ])('the keyword "%s" with the value "%s" is refused', (keyword, value) => {
    expect(() => withPngText(golden, keyword, value)).toThrow(Unprocessable);
  });
});
