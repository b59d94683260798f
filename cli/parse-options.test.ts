import { expect, test } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { parseDuration, parsePort } from './parse-options.ts';

test.each([
  ['90s', 90],
  ['30m', 1800],
  ['48h', 172_800],
  ['1.5d', 129_600],
  ['0s', 0],
])('%s is %i seconds', (text, seconds) => expect(parseDuration(text, '--grace')).toBe(seconds));

test.each(['', '48', 'h', '-1h', '1w', '1 h', '1h30m'])('"%s" is not a duration', text => {
  expect(() => parseDuration(text, '--grace')).toThrow(InvalidInput);
});

test.each([
  ['0', 0],
  ['65535', 65_535],
])('%s is port %i', (text, port) => expect(parsePort(text, '--port')).toBe(port));

test.each(['', ' ', '-1', '65536', '80.5', 'http'])('"%s" is not a port', text => {
  expect(() => parsePort(text, '--port')).toThrow(InvalidInput);
});
