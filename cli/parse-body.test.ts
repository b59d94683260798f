import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { parseBody } from './parse-body.ts';

test('a value is JSON if it parses as JSON, else text; dots nest; words override the body', () => {
  const words = [
    'count=100',
    'name=faces',
    'quoted="7"',
    'tags=["a","b"]',
    'run.target=5',
    'run.preview.steps=2',
    'empty=',
    'eq=a=b',
  ];
  expect(parseBody(words, '{"count":1,"run":{"keep":2},"seed":0}')).toEqual({
    count: 100,
    name: 'faces',
    quoted: '7',
    tags: ['a', 'b'],
    run: { keep: 2, target: 5, preview: { steps: 2 } },
    empty: '',
    eq: 'a=b',
    seed: 0,
  });
});

test('a key that objects inherit, such as toString, is a key like others', () => {
  const body = parseBody(['constructor.x=1', 'toString.y=2']);
  expect(JSON.stringify(body)).toBe('{"constructor":{"x":1},"toString":{"y":2}}');
});

test('@FILE reads a file, for the body and for a value', () => {
  const folder = mkdtempSync(join(tmpdir(), 'easel-body-'));
  try {
    const path = join(folder, 'body.json');
    writeFileSync(path, '{"a":1}');
    expect(parseBody([`b=@${path}`], `@${path}`)).toEqual({ a: 1, b: { a: 1 } });
    expect(() => parseBody([], `@${folder}/absent`)).toThrow(/cannot read .*absent/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [['count'], undefined],
  [['=1'], undefined],
  [[], '{'],
  [[], '[1]'],
  [[], 'null'],
  [['__proto__.x=1'], undefined],
])('%j with body %j is refused', (words, body) => {
  expect(() => parseBody(words, body)).toThrow(InvalidInput);
});

test('a large seed keeps its digits, as a word and in a body', () => {
  const digits = '9223372036854775809';
  expect(
    parseBody([`seed=${digits}`, 'run.preview={"seed":18446744073709551615}'], `{"a":{"seed":${digits}}}`),
  ).toEqual({
    a: { seed: digits },
    seed: digits,
    run: { preview: { seed: '18446744073709551615' } },
  });
});
