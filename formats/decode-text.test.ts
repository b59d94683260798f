import { describe, expect, test } from 'vitest';
import { decodeText, OLD_ENCODINGS, problemOfText } from './decode-text.ts';

const FOX = 'a red fox on green grass';
const NICE = 'a café’s terrace – “nice” 🦊';

const le = (text: string) => Buffer.from(text, 'utf16le');
const be = (text: string) => le(text).swap16();
const utf32 = (text: string, swap: boolean) => {
  const bytes = Buffer.from(Uint32Array.from([...text], char => char.codePointAt(0) ?? 0).buffer);
  return swap ? bytes.swap32() : bytes;
};
const marked = (mark: readonly number[], body: Uint8Array) => Buffer.concat([Uint8Array.from(mark), body]);

const MARKS = {
  'UTF-8': marked([0xef, 0xbb, 0xbf], Buffer.from(NICE)),
  'UTF-16, little-endian': marked([0xff, 0xfe], le(NICE)),
  'UTF-16, big-endian': marked([0xfe, 0xff], be(NICE)),
  'UTF-32, little-endian': marked([0xff, 0xfe, 0, 0], utf32(NICE, false)),
  'UTF-32, big-endian': marked([0, 0, 0xfe, 0xff], utf32(NICE, true)),
};

describe('decodeText', () => {
  for (const [name, bytes] of Object.entries(MARKS)) {
    test(`reads ${name} with its mark`, () => {
      expect(decodeText(bytes)).toEqual({ text: NICE, encoding: name.split(',')[0] });
    });
  }

  test('reads UTF-8 without a mark, an empty file and a mark alone', () => {
    expect(decodeText(Buffer.from(NICE))).toEqual({ text: NICE, encoding: 'UTF-8' });
    expect(decodeText(Buffer.from(''))).toEqual({ text: '', encoding: 'UTF-8' });
    expect(decodeText(Uint8Array.of(0xff, 0xfe))).toEqual({ text: '', encoding: 'UTF-16' });
  });

  test('reads UTF-16 and UTF-32 without a mark when the text is mostly ASCII', () => {
    for (const bytes of [le(FOX), be(FOX)]) expect(decodeText(bytes)).toEqual({ text: FOX, encoding: 'UTF-16' });
    for (const swap of [false, true]) expect(decodeText(utf32(FOX, swap))).toEqual({ text: FOX, encoding: 'UTF-32' });
    expect(decodeText(le(NICE))).toEqual({ text: NICE, encoding: 'UTF-16' });
  });

  test.each([
    ['Windows-1252', Buffer.from([0x61, 0x20, 0xe9, 0x92, 0x73]), 'the text is not UTF-8: byte 3 is E9'],
    ['Latin-1 at the end', Buffer.from('café', 'latin1'), 'the text is not UTF-8: byte 4 is E9'],
    ['Shift-JIS', Buffer.from([0x93, 0xfa, 0x96, 0x7b]), 'the text is not UTF-8: byte 1 is 93'],
    ['GB18030 after ASCII', Buffer.from([0x41, 0x42, 0xd6, 0xd0]), 'the text is not UTF-8: byte 3 is D6'],
    ['UTF-8 that is cut short', Buffer.from('é🦊').subarray(0, 5), 'the text is not UTF-8: byte 3 is F0'],
    ['a NUL byte in ASCII', Buffer.from('a red\0fox'), 'byte 6 is NUL, so this is not UTF-8, nor is it UTF-16'],
    ['a NUL byte at an even length', Buffer.from('a red fox\0'), 'byte 10 is NUL'],
    ['Russian in UTF-16 without a mark', le('кот на траве'), 'byte 8 is NUL'],
    ['UTF-16 of an odd length', marked([0xff, 0xfe], Buffer.from('a\0b')), 'has the mark of UTF-16, but byte 5 is 62'],
    ['UTF-16 with half a character', marked([0xff, 0xfe], Buffer.from('a\0\0\xd8b\0', 'latin1')), 'byte 5 is 00'],
    ['UTF-16 with a NUL', marked([0xff, 0xfe], le('a\0b')), 'the text is UTF-16, but character 2 is NUL'],
    ['UTF-32 beyond Unicode', marked([0xff, 0xfe, 0, 0], Buffer.from([0, 0, 0x11, 0])), 'UTF-32, but byte 5 is 00'],
    ['U+FFFD, which an earlier program wrote', Buffer.from('caf\ufffd'), 'is UTF-8, but character 4 is U+FFFD'],
  ])('refuses %s, and names the place', (_, bytes, problem) => {
    expect(decodeText(bytes)).toMatchObject({ problem: expect.stringContaining(problem) });
  });

  test('reads what is not UTF-8 in the encoding that the caller names, and nothing else', () => {
    const cp1252 = Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x92, 0x73]);
    expect(decodeText(cp1252, 'windows-1252')).toEqual({ text: 'café’s', encoding: 'windows-1252' });
    expect(decodeText(Buffer.from([0x93, 0xfa, 0x96, 0x7b]), 'shift_jis')).toMatchObject({ text: '日本' });
    expect(decodeText(Buffer.from([0xd6, 0xd0]), 'gb18030')).toMatchObject({ text: '中' });
    expect(decodeText(Buffer.from(NICE), 'windows-1252')).toEqual({ text: NICE, encoding: 'UTF-8' });
    expect(decodeText(MARKS['UTF-16, big-endian'], 'shift_jis')).toMatchObject({ text: NICE });
    expect(decodeText(Uint8Array.of(0xe9, 0x81), 'windows-1252')).toEqual({
      problem: 'the text is neither UTF-8 nor windows-1252: byte 2 is 81',
    });
    expect(decodeText(Uint8Array.of(0x41, 0x93, 0xfa, 0xa0, 0xff), 'shift_jis')).toEqual({
      problem: 'the text is neither UTF-8 nor shift_jis: byte 4 is A0',
    });
  });

  test.each(OLD_ENCODINGS)('knows %s', encoding => {
    expect(decodeText(Uint8Array.of(0x61, 0xc4, 0xc5), encoding)).toMatchObject({ encoding });
  });

  test('finds the first wrong byte wherever it is', () => {
    const text = 'é🦊日a'.repeat(20);
    for (let end = 0; end <= text.length; end++) {
      if (!text.slice(0, end).isWellFormed()) continue;
      const before = Buffer.from(text.slice(0, end));
      const bytes = Buffer.concat([before, Uint8Array.of(0xff), Buffer.from(text.slice(end))]);
      expect(decodeText(bytes)).toMatchObject({ problem: `the text is not UTF-8: byte ${before.length + 1} is FF` });
    }
  });
});

test('problemOfText finds characters that are damaged', () => {
  expect(problemOfText(NICE)).toBeUndefined();
  expect(problemOfText('a\ud83e')).toContain('half of a character');
  expect(problemOfText('ab\0')).toBe('character 3 is NUL');
});
