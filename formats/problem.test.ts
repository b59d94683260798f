import { expect, test } from 'vitest';
import { Busy, InvalidInput, NotFound } from '../errors.ts';
import { describeError } from '../errors-wire.ts';
import { makeProblem, problemSchema, readProblem } from './problem.ts';

const issues = [{ pointer: '/dog', detail: 'unknown key' }];
const wrongBody = describeError(
  new InvalidInput('the body is wrong', { expected: 'known keys', hint: 'see /docs', details: { issues } }),
);

test('a document has the names of RFC 9457 and the wrong fields of a body', () => {
  expect(problemSchema.parse(makeProblem(wrongBody, '/functions/f'))).toEqual({
    type: 'urn:easel:problem:invalid_input',
    title: 'The request is malformed',
    status: 400,
    detail: 'the body is wrong',
    code: 'invalid_input',
    expected: 'known keys',
    hint: 'see /docs',
    retryable: false,
    instance: '/functions/f',
    errors: issues,
  });
});

test('wrong fields that are plain lines get an empty pointer, other details stay in the process', () => {
  const lines = describeError(new InvalidInput('config: a; b', { details: { issues: ['a', 'b', 3], secret: 's' } }));
  const document = makeProblem(lines);
  expect(document.errors).toEqual([
    { pointer: '', detail: 'a' },
    { pointer: '', detail: 'b' },
  ]);
  expect(JSON.stringify(document)).not.toContain('secret');
});

test('an error is read from its document, over keys of a newer version', () => {
  expect(readProblem({ ...makeProblem(wrongBody), mood: 'sad' })).toEqual(wrongBody);
  const gone = describeError(new NotFound('gone', { details: { digest: 'd' } }));
  expect(readProblem(makeProblem(gone))).toEqual({ ...gone, details: undefined });
  expect(readProblem({ ...makeProblem(gone), details: { digest: 'd' } })).toEqual(gone);
});

test('the time to wait comes from the document, or else from the header', () => {
  const busy = makeProblem(describeError(new Busy('full', { retryAfterSeconds: 2.5 })));
  expect(readProblem(busy, '3')?.retry_after_seconds).toBe(3);
  expect(readProblem({ ...busy, retry_after_seconds: 2.5 }, '3')?.retry_after_seconds).toBe(2.5);
  expect(readProblem(busy, 'Wed, 21 Oct 2026 07:28:00 GMT')?.retry_after_seconds).toBeUndefined();
  expect(readProblem(busy, null)?.retry_after_seconds).toBeUndefined();
});

test('JSON of another form is not a problem document', () => {
  for (const other of [undefined, null, 'no', [], {}, { detail: 'Not Found' }, { status: 404, detail: 'x' }]) {
    expect(readProblem(other)).toBeUndefined();
  }
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
  'the title of the code %s, a name that every object inherits, is its words',
  code => {
    const document = makeProblem({ code, status: 418, message: 'no', retryable: false });
    expect(problemSchema.parse(document).title).toBe(code.replaceAll('_', ' '));
  },
);

test('an error is read without its details if they are nested 20,000 levels deep', () => {
  const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`);
  expect(readProblem({ ...makeProblem(wrongBody), details: { deep } })).toEqual(wrongBody);
});
