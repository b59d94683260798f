import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { parseBody } from './parse-body.ts';

test('values are JSON where they read as JSON, else text; dots nest; words win over the body', () => {
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

test('a key of a prototype is a key', () => {
  const body = parseBody(['constructor.x=1', '__proto__.y=1']);
  expect(body.constructor).toEqual({ x: 1 });
  expect(({} as Record<string, unknown>).y).toBeUndefined();
});

test('@FILE is the text of a file, for the body and for a value', () => {
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
])('%j with body %j is refused', (words, body) => {
  expect(() => parseBody(words, body)).toThrow(InvalidInput);
});
