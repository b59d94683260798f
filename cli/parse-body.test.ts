import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { parseBody, parseChanges } from './parse-body.ts';

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
  expect(parseBody(words, { json: '{"count":1,"run":{"keep":2},"seed":0}' })).toEqual({
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
    expect(parseBody([`b=@${path}`], { json: `@${path}` })).toEqual({ a: 1, b: { a: 1 } });
    expect(() => parseBody([], { json: `@${folder}/absent` })).toThrow(/cannot read .*absent/);
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
  expect(() => parseBody(words, { json: body })).toThrow(InvalidInput);
});

test('a large seed keeps its digits, as a word and in a body', () => {
  const digits = '9223372036854775809';
  expect(
    parseBody([`seed=${digits}`, 'run.preview={"seed":18446744073709551615}'], { json: `{"a":{"seed":${digits}}}` }),
  ).toEqual({
    a: { seed: digits },
    seed: digits,
    run: { preview: { seed: '18446744073709551615' } },
  });
});

test('a value is text where the schema wants a text, and JSON where it takes JSON of that type', () => {
  const text = { type: 'string' };
  const json = { anyOf: [text, { type: 'number' }, { type: 'array', items: { $ref: '#/$defs/json' } }] };
  const schema = {
    type: 'object',
    $defs: { json },
    properties: {
      dataset: text,
      name: { enum: ['1', '2'] },
      count: { type: 'integer' },
      config: { anyOf: [text, { type: 'object', additionalProperties: { $ref: '#/$defs/json' } }] },
      run: { type: 'object', properties: { label: { type: ['string', 'null'] } } },
      any: {},
    },
  };
  const parse = (...words: string[]) => parseBody(words, { schema });
  expect(parse('dataset=2024', 'name=1', 'count=3')).toEqual({ dataset: '2024', name: '1', count: 3 });
  for (const value of ['true', 'null', '1e3', '[1]', '{"a":1}', '007', '-1', '"a"b']) {
    expect(parse(`dataset=${value}`)).toEqual({ dataset: value });
  }
  // As before, quotes are JSON's.
  expect(parse('dataset="2024"')).toEqual({ dataset: '2024' });
  expect(parse('config=2024')).toEqual({ config: '2024' });
  expect(parse('config={"a":1}', 'config.b=2', 'config.c=true')).toEqual({ config: { a: 1, b: 2, c: 'true' } });
  expect(parse('run.label=7', 'any=7', 'unknown=7')).toEqual({ run: { label: '7' }, any: 7, unknown: 7 });
  expect(parse('run.label=null')).toEqual({ run: { label: null } });
  expect(parse('count=many')).toEqual({ count: 'many' });
});

test('changes of a config are typed by the schema of a config', () => {
  const words = ['model.depth=4', 'run.preview.prompts=["a"]', 'model.conditions.text.encoder=5'];
  expect(parseChanges(words, ['--set=seed=7'])).toEqual({
    model: { depth: 4, conditions: { text: { encoder: '5' } } },
    run: { preview: { prompts: ['a'] } },
    seed: 7,
  });
});
