import { expect, it } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { digestOf, hexOf, isDigest, parseDigest } from './digest.ts';

/** FIPS 180-4 examples of SHA-256. */
const VECTORS = {
  '': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq:
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
};

it('digests text and bytes alike', () => {
  for (const [text, hex] of Object.entries(VECTORS)) {
    expect(digestOf(text)).toBe(`sha256:${hex}`);
    expect(digestOf(new Uint8Array(Buffer.from(text)))).toBe(`sha256:${hex}`);
    expect(hexOf(digestOf(text))).toBe(hex);
  }
  const view = new Uint8Array(Buffer.from('xabcx')).subarray(1, 4);
  expect(hexOf(digestOf(view))).toBe(VECTORS.abc);
});

it('accepts digests and nothing else', () => {
  const digest = digestOf('abc');
  expect(parseDigest(digest)).toBe(digest);
  for (const bad of [
    '',
    VECTORS.abc,
    digest.toUpperCase(),
    `${digest}0`,
    digest.slice(0, -1),
    ` ${digest}`,
    `${digest}\n`,
  ]) {
    expect(isDigest(bad), bad).toBe(false);
    expect(() => parseDigest(bad)).toThrow(InvalidInput);
  }
});
