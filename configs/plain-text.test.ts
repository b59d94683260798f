import { expect, test } from 'vitest';
import { plainJson, plainLine, plainText } from './plain-text.ts';

const CLEAR = '\x1b[2J\x1b]0;title\x07';

test('control characters are escaped, and all others stay', () => {
  expect(plainLine('a\nb\x1b[2J\x7f\x9b')).toBe('a\\x0ab\\x1b[2J\\x7f\\x9b');
  expect(plainLine('é 写 🦊 \\x0a')).toBe('é 写 🦊 \\x0a');
});

test('a name stays in its line and lets the direction of others alone', () => {
  expect(plainLine('a\u2028b\u2029c')).toBe('a\\u2028b\\u2029c');
  expect(plainLine('\u202egnp.exe \u2066x')).toBe('\\u202egnp.exe \\u2066x');
  const names = 'Bru\u0308cke שלום\u200f سلام می\u200cخواهم 👩‍👧 \ufffd "q" <b>\u00a0\u202fPM';
  expect(plainLine(names)).toBe(names);
});

test('text of several lines keeps them', () => {
  expect(plainText(`one\n\ttwo\r${CLEAR}\n`)).toBe('one\n\ttwo\\x0d\\x1b[2J\\x1b]0;title\\x07\n');
});

test('JSON has the same value and no character that acts', () => {
  const value = { [`\x9b${CLEAR}`]: ['\x7f\u202e\u2029\n\t', { nested: 'ü' }] };
  const json = plainJson(value);
  expect(JSON.parse(json)).toEqual(value);
  expect(plainLine(json.replaceAll('\n', ''))).toBe(json.replaceAll('\n', ''));
  expect(plainJson({ a: [1] })).toBe(JSON.stringify({ a: [1] }, undefined, 2));
});
