import { expect, test } from 'vitest';
import { Unprocessable } from '../errors.ts';
import { describeError } from './command-error.ts';

test('an error is told line by line, and the name of a file in it cannot command the terminal', () => {
  const name = '\x1b[2J\x9b31m\u202e.png';
  const error = new Unprocessable(`no "${name}"`, {
    expected: 'a picture',
    hint: `delete ${name}`,
    details: { issues: [{ pointer: '/a', detail: name }] },
  });
  const plain = '\\x1b[2J\\x9b31m\\u202e.png';
  expect(describeError(error)).toBe(
    `easel: no "${plain}"\n  /a: ${plain}\n  expected: a picture\n  hint: delete ${plain}`,
  );
  expect(describeError(new Error(name))).toContain(`easel: Error: ${plain}\n`);
});
