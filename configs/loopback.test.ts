import { expect, test } from 'vitest';
import { addBrackets, isLoopback, stripBrackets } from './loopback.ts';

test.each(['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '[::1]', '127.10.99.200', 'localhost', 'LocalHost'])(
  '%s is a loopback host',
  host => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  '',
  '0.0.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '127.0.0.256',
  '127.0.0',
  '127.1',
  '127.0.0.1.example.com',
  '127.0.0.1:8787',
  '::',
  '::2',
  '[::]',
  '[localhost]',
  '127.0.0.01',
  '[127.0.0.1]',
  'localhost.example.com',
  'example.com',
])('"%s" is not a loopback host', host => {
  expect(isLoopback(host)).toBe(false);
});

test('brackets are taken off an IPv6 address and nothing else changes', () => {
  expect(stripBrackets('[::1]')).toBe('::1');
  expect(stripBrackets('::1')).toBe('::1');
  expect(stripBrackets('localhost')).toBe('localhost');
});

test('a URL has an IPv6 address in brackets, and any other host as it is', () => {
  expect(addBrackets('::1')).toBe('[::1]');
  expect(addBrackets('127.0.0.1')).toBe('127.0.0.1');
  expect(addBrackets('localhost')).toBe('localhost');
});
