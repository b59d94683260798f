import { expect, test } from 'vitest';
import { z } from 'zod';
import { SOLVER_NAMES, samplingSchema } from '../../configs/sampling.ts';
import { InvalidInput } from '../../errors.ts';
import { encodeImage } from '../encode-image.ts';
import { encodeText } from '../encode-text.ts';
import { checkBody } from './check-body.ts';

function issuesOf(schema: z.ZodType, value: unknown): unknown {
  try {
    checkBody(schema, value, 'the body');
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    return (error as InvalidInput).details.issues;
  }
  throw new Error('nothing was thrown');
}

test('a wrong name shows the allowed names, and the nearest of them', () => {
  expect(issuesOf(encodeText.input, { encoder: 'wrds' })).toEqual([
    {
      pointer: '/encoder',
      detail: expect.stringMatching(/^expected .*"words".*, got "wrds"; did you mean "words"\?$/),
    },
  ]);
  const solvers = SOLVER_NAMES.map(name => `"${name}"`).join(', ');
  expect(issuesOf(samplingSchema, { solver: 4 })).toEqual([
    { pointer: '/solver', detail: `expected one of ${solvers}, got 4` },
  ]);
});

test('an unknown key in a union of a name and an object shows the keys of the object', () => {
  const schema = z.strictObject({ engine: z.union([z.enum(['auto']), z.strictObject({ threads: z.int() })]) });
  expect(issuesOf(schema, { engine: { cores: 2 } })).toContainEqual({
    pointer: '/engine/cores',
    detail: 'unknown key "cores"; known keys: threads',
  });
});

test('a mistake that a schema and its refinement both find is named once', () => {
  const issues = issuesOf(encodeImage.input, { stride: 0 });
  expect(issues).toEqual([{ pointer: '/stride', detail: 'expected at least 1, got 0' }]);
});

test('a record names the rule that a wrong key breaks', () => {
  const schema = z.strictObject({ weights: z.record(z.string().regex(/^[a-z]+$/, 'expected a-z'), z.number()) });
  expect(issuesOf(schema, { weights: { A1: 1 } })).toEqual([{ pointer: '/weights/A1', detail: 'expected a-z' }]);
});

test('a key __proto__ is unknown at any depth, also in a record', () => {
  const schema = z.strictObject({ weights: z.record(z.string(), z.json()) });
  const detail = 'unknown key "__proto__"; known keys: none';
  expect(issuesOf(schema, JSON.parse('{"weights":{"__proto__":1,"a":{"__proto__":2}}}'))).toEqual([
    { pointer: '/weights/__proto__', detail },
    { pointer: '/weights/a/__proto__', detail },
  ]);
  expect(issuesOf(schema, JSON.parse('{"weights":{},"__proto__":1}'))).toHaveLength(1);
});

test.each([
  [z.string(), undefined, 'is missing'],
  [z.string().optional().nonoptional(), undefined, 'is missing'],
  [z.enum(['a', 'b']), undefined, 'is missing'],
  [z.enum(['a', 'b']), 'zzzzzz', 'expected one of "a", "b", got "zzzzzz"'],
  [z.int(), 1.5, 'expected a whole number, got a fraction'],
  [z.number(), '1', 'expected a number, got a string'],
  [z.int().max(256), 1e9, 'expected at most 256, got 1000000000'],
  [z.number().positive(), -1, 'expected more than 0, got -1'],
  [z.number().max(8), 1e128, 'expected at most 8, got 1e+128'],
  [z.string().max(3), 'long', 'expected at most 3 characters'],
  [z.array(z.string()).min(1), [], 'expected at least 1 entry'],
  [z.boolean(), [], 'expected true or false, got an array'],
  [z.literal(3), 4, 'expected 3, got 4'],
  [z.union([z.string(), z.number()]), true, 'expected a string or a number, got true'],
  [z.json(), undefined, 'is missing'],
  [z.union([z.string(), z.number()]), undefined, 'is missing'],
  [z.xor([z.string(), z.string()]), 'a', 'has more than one of the allowed forms'],
  [z.string({ error: 'a message of the schema' }), 1, 'a message of the schema'],
])('a message in plain words, case %#', (schema, value, detail) => {
  const body = value === undefined ? {} : { key: value };
  expect(issuesOf(z.object({ key: schema }), body)).toEqual([{ pointer: '/key', detail }]);
});
