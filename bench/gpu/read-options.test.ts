import { expect, test } from 'vitest';
import { readOptions } from './read-options.ts';

const TABLE = ['a', 'b'].map(name => ({ name, title: name, seconds: 1 }));

test('without options the GPU check measures every section in less than ten minutes', () => {
  const options = { minutes: 9.3, sections: TABLE, small: false, out: 'gpu-check-out', json: false };
  expect(readOptions([], TABLE)).toEqual({ options });
});

test('the GPU check takes a number of minutes and a list of sections', () => {
  const asked = readOptions(['--minutes', '2.5', '--only', 'b', '--json'], TABLE);
  expect(asked).toMatchObject({ options: { minutes: 2.5, sections: [TABLE[1]], json: true } });
});

test('--help of the GPU check tells the options and the sections', () => {
  expect(readOptions(['--help'], TABLE)).toEqual({
    end: 0,
    message: expect.stringMatching(/--minutes.*\nsections: a,b$/),
  });
});

test.each([
  [['--bogus'], "Unknown option '--bogus'"],
  [['--minutes', 'x'], '--minutes x: expected a number above 0'],
  [['--minutes', '0'], '--minutes 0: expected a number above 0'],
  [['--only', 'c'], '--only c: expected some of a,b'],
])('the GPU check refuses %j with a line and the options', (args, message) => {
  const asked = readOptions(args, TABLE);
  expect(asked).toMatchObject({ end: 1, message: expect.stringContaining(message) });
  expect(asked).toMatchObject({ message: expect.stringContaining('options: [--minutes') });
});
