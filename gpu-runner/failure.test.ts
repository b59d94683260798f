import { expect, test } from 'vitest';
import { BlobMissing, Busy, NotFound, Unprocessable } from '../errors.ts';
import { describeFailure, restoreFailure } from './failure.ts';
import { failedEventSchema } from './protocol.ts';

/** As it arrives in another process. */
const cross = (error: unknown) =>
  restoreFailure(failedEventSchema.parse(JSON.parse(JSON.stringify(describeFailure(error)))));

test('an error keeps its class and all it says', () => {
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

test('a class unknown here keeps its code and status, and details that are no JSON are left out', () => {
  class OutOfMemory extends Unprocessable {
    override readonly code = 'out_of_memory';
  }
  const error = cross(new OutOfMemory('no', { details: { buffer: 1n } }));
  expect(error).toMatchObject({ code: 'out_of_memory', status: 422, retryable: false, details: {} });
});

test('anything else is internal and keeps its message', () => {
  expect(cross(new TypeError('x is undefined'))).toMatchObject({
    code: 'internal',
    status: 500,
    message: 'the job failed unexpectedly: TypeError: x is undefined',
  });
  expect(cross('text').message).toContain('text');
});
