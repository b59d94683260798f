import { expect, test } from 'vitest';
import { plainLine } from './plain-line.ts';

test('control characters are escaped, and all others stay', () => {
  expect(plainLine('a\nb\x1b[2J\x7f\x9b')).toBe('a\\x0ab\\x1b[2J\\x7f\\x9b');
  expect(plainLine('é 写 🦊 \\x0a')).toBe('é 写 🦊 \\x0a');
});
