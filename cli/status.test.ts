import { expect, test } from 'vitest';
import { formatExperiments } from './commands/status.ts';

const row = { name: 'cats', state: 'done', step: 20, samples: 320, target: 320 };

test('the status of experiments says below the table why one failed, when, and how to go on', () => {
  const problem = { text: 'the disk of the store is full', hint: 'make room', time: '2026-11-27T09:00:00.000Z' };
  const lines = formatExperiments([row, { ...row, name: 'dogs', state: 'failed', step: 4, problem }]).split('\n');
  expect(lines[2]).toMatch(/^dogs +failed +4 /);
  expect(lines.slice(3)).toEqual([
    '',
    'dogs failed at 2026-11-27T09:00:00.000Z: the disk of the store is full',
    '  hint: make room',
    '  go on: easel call train experiment=dogs',
  ]);
});

test('the status of experiments says below the table what a person should know of them', () => {
  const notes = [{ code: 'skipped_steps', count: 3, text: '3 of 20 steps were skipped', examples: [] }];
  expect(
    formatExperiments([{ ...row, notes }])
      .split('\n')
      .slice(2),
  ).toEqual(['', 'cats: 3 of 20 steps were skipped']);
});

test('the status of experiments is a table alone when none failed', () => {
  expect(formatExperiments([row]).split('\n')).toHaveLength(2);
});
