import { expect, test } from 'vitest';
import { formatReport, parseArms } from './commands/report.ts';

test.each([
  [['a', 'b'], { experiments: ['a', 'b'] }],
  [['a', 'B=b-0,b-1', 'C=c'], { experiments: ['a'], groups: { B: ['b-0', 'b-1'], C: ['c'] } }],
])('the words %j name arms', (words, body) => {
  expect(parseArms(words)).toEqual(body);
});

test.each([
  [[], 'the command names no experiment'],
  [['=a'], '"=a" is wrong'],
  [['A=a,'], '"A=a," is wrong'],
  [['A=a', 'A=b'], 'the arm "A" is there twice'],
])('the words %j are refused', (words, message) => {
  expect(() => parseArms(words)).toThrow(message);
});

test('the answer is the sentence, and where the page lies', () => {
  const answer = {
    name: 'a-and-b',
    verdict: { sentence: 'b is better.' },
    folder: 'reports/a-and-b/',
    html: 'sha256:1',
  };
  expect(formatReport(answer, 'x.html')).toBe('b is better.\npage: x.html');
  expect(formatReport(answer, undefined)).toBe(
    'b is better.\npage: reports/a-and-b/report.html in the store, and GET /objects/sha256:1',
  );
});
