import { open, rename } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AppError, BlobMissing, Busy, inOneLine, NotFound, Unprocessable } from './errors.ts';
import { cutPaths, describeError, rebuildError, wireErrorSchema } from './errors-wire.ts';

/** The error as it arrives in another process. */
const cross = (error: unknown) =>
  rebuildError(wireErrorSchema.strict().parse(JSON.parse(JSON.stringify(describeError(error)))));

test('an error keeps its class and every field', () => {
  const error = cross(
    new BlobMissing('gone', { expected: 'a blob', hint: 'train again', details: { digest: 'sha256:0' } }),
  );
  expect(error).toBeInstanceOf(BlobMissing);
  expect(error).toBeInstanceOf(NotFound);
  expect(error).toMatchObject({
    message: 'gone',
    expected: 'a blob',
    hint: 'train again',
    details: { digest: 'sha256:0' },
  });
  expect(cross(new Busy('full', { retryAfterSeconds: 3 }))).toMatchObject({ retryable: true, retryAfterSeconds: 3 });
});

test('an unknown class keeps its code and status', () => {
  class OutOfMemory extends Unprocessable {
    override readonly code = 'out_of_memory';
  }
  const error = cross(new OutOfMemory('no', { details: { bytes: 7 } }));
  expect(error).toMatchObject({ code: 'out_of_memory', status: 422, retryable: false, details: { bytes: 7 } });
});

test('details without a JSON form are left out, and the error arrives', () => {
  expect(cross(new Unprocessable('no', { details: { bytes: 7n } }))).toMatchObject({ message: 'no', details: {} });
  expect(cross(new Unprocessable('no', { details: { id: 7, at: undefined } })).details).toEqual({ id: 7 });
});

test.each([
  ["Cannot find module '/srv/easel/node_modules/zod/index.js' imported", "Cannot find module 'index.js' imported"],
  [
    'libfoo.so: cannot open /root/.cache/easel/lib/libfoo.so.1: no such file',
    'libfoo.so: cannot open libfoo.so.1: no such file',
  ],
  ['let this user open /dev/dri/renderD*', 'let this user open /dev/dri/renderD*'],
  ['POST /experiments alone, or https://a.org/b/c, and 1/2/3, ../a/b and ~/a/b stay', undefined],
  ['the folder /srv/easel/', 'the folder a folder'],
])('paths of this machine are cut from %j', (text, cut = text) => {
  expect(cutPaths(text)).toBe(cut);
  expect(describeError(new TypeError(text)).message).toBe(`an unexpected error: ${cut}`);
});

test('any other thrown value is internal and keeps its message', () => {
  expect(cross(new TypeError('x is undefined'))).toMatchObject({
    code: 'internal',
    status: 500,
    message: 'an unexpected error: x is undefined',
  });
  expect(cross('text').message).toContain('text');
});

test('the failure of a system call tells no path of this machine', async () => {
  const error = await open('/nowhere/secret', 'r').catch((caught: unknown) => caught);
  expect(cross(error).message).toBe('an unexpected error: ENOENT: no such file or directory (open)');
  const renamed = await rename('/nowhere/secret', '/nowhere/else').catch((caught: unknown) => caught);
  expect(cross(renamed).message).toBe('an unexpected error: ENOENT: no such file or directory (rename)');
});

test('one line holds the message, the expectation and the hint, if there are any', () => {
  expect(inOneLine(new Busy('full', { expected: 'room', hint: 'wait' }))).toBe('full; expected room; wait');
  expect(inOneLine(new Busy('full'))).toBe('full');
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
  'the code %s, a name that every object inherits, is the code of an unknown class',
  code => {
    const error = rebuildError({ code, status: 418, message: 'no', retryable: false });
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code, status: 418, message: 'no' });
  },
);

test('a thrown value that has no text is internal', () => {
  expect(cross(Object.create(null))).toMatchObject({
    code: 'internal',
    message: 'an unexpected error: a thrown object without text',
  });
});

test('details of more than 64 levels are left out, and the error arrives', () => {
  const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
  expect(cross(new Unprocessable('no', { details: { deep: nested(2000) } }))).toMatchObject({ details: {} });
  expect(cross(new Unprocessable('no', { details: { deep: nested(64) } })).details).toEqual({});
  expect(cross(new Unprocessable('no', { details: { deep: nested(63) } })).details).toEqual({ deep: nested(63) });
});

test('a time to wait that is not finite is left out', () => {
  for (const retryAfterSeconds of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(cross(new Busy('full', { retryAfterSeconds })).retryAfterSeconds).toBeUndefined();
  }
});
