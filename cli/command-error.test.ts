import { expect, test } from 'vitest';
import { InvalidInput, Unprocessable } from '../errors.ts';
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

test('wrong keys of a body are listed, and a single one is not told twice', () => {
  const issues = [
    { pointer: '/size', detail: 'expected a number, got a string' },
    { pointer: '/count', detail: 'is missing' },
  ];
  const tell = (some: typeof issues) => {
    const text = some.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
    return describeError(new InvalidInput(`the body is wrong: ${text}`, { details: { issues: some } })).split('\n');
  };
  expect(tell(issues)).toHaveLength(3);
  expect(tell(issues.slice(0, 1))).toEqual(['easel: the body is wrong: /size: expected a number, got a string']);
});
