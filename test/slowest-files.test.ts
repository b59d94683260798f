import { expect, test } from 'vitest';
import { describeSlowest, type FileTime } from './slowest-files.ts';

const fast = Array.from({ length: 12 }, (_, i): FileTime => ({ path: `${i}.test.ts`, seconds: i / 4, isFast: true }));
const slow: FileTime = { path: 'long.slow.test.ts', seconds: 123.44, isFast: false };

test('the ten slowest files are listed, slowest first, with the limit of the fast tier', () => {
  const lines = describeSlowest(fast, 31.6);
  expect(lines).toHaveLength(12);
  expect(lines[0]).toBe('The 10 slowest of 12 test files:');
  expect([lines[1], lines[10]]).toEqual(['    2.8 s  11.test.ts', '    0.5 s  2.test.ts']);
  expect(lines[11]).toBe('The run took 32 s. The limit of `npm run test:fast` on 2 cores is 40 s.');
});

test('a run with slow files has the limit of npm test', () => {
  const lines = describeSlowest([...fast, slow], 300);
  expect(lines[1]).toBe('  123.4 s  long.slow.test.ts');
  expect(lines.at(-1)).toContain('`npm test` on 2 cores is 600 s');
});

test('a run of a few files ends without a list', () => {
  expect(describeSlowest(fast.slice(0, 10), 3)).toEqual([]);
});
