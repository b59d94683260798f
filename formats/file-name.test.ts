import { expect, test } from 'vitest';
import { decodeFileName } from './file-name.ts';

test('a name in UTF-8 is as it is, whatever its characters', () => {
  for (const name of ['a.png', 'café/Müller.png', '写真 1.jpg', 'e\u0301.txt', '🦊.webp', '\\xe9.png', '']) {
    expect(decodeFileName(Buffer.from(name))).toBe(name);
  }
});

test('bytes that are no UTF-8 are escaped, and the characters around them are not', () => {
  const name = (...parts: (string | number[])[]) => Buffer.concat(parts.map(part => Buffer.from(part as string)));
  expect(decodeFileName(name('caf', [0xe9]))).toBe('caf\\xe9');
  expect(decodeFileName(name('é', [0xe9, 0xff], '写.png'))).toBe('é\\xe9\\xff写.png');
  // A character that is cut short, half of a surrogate pair, and an overlong form.
  expect(decodeFileName(name('x', [0xe5, 0x86]))).toBe('x\\xe5\\x86');
  expect(decodeFileName(name([0xed, 0xa0, 0x80]))).toBe('\\xed\\xa0\\x80');
  expect(decodeFileName(name([0xc0, 0xaf]))).toBe('\\xc0\\xaf');
});

test('no name has a replacement character that its bytes do not have', () => {
  for (let first = 0x80; first < 0x100; first++) {
    for (let second = 0x80; second < 0x100; second += 7) {
      expect(decodeFileName(Uint8Array.of(0x61, first, second))).not.toContain('\ufffd');
    }
  }
});
