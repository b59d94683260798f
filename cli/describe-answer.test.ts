import { expect, test } from 'vitest';
import { describeAnswer } from './describe-answer.ts';

const note = (count: number) => ({
  code: 'turned',
  count,
  text: `${count} pictures are turned`,
  examples: Array.from({ length: Math.min(count, 20) }, (_, i) => ({ name: `${i}.jpg`, text: `by ${i}` })),
});

test('a note is a line with the worst pictures', () => {
  expect(describeAnswer({ notes: [note(2), note(25)] })).toEqual([
    'note: 2 pictures are turned: 0.jpg (by 0), 1.jpg (by 1)',
    'note: 25 pictures are turned: 0.jpg (by 0), 1.jpg (by 1), 2.jpg (by 2), ...',
  ]);
});

test('the notes of a pure function are among its stats', () => {
  expect(describeAnswer({ outputs: {}, stats: { notes: [note(1)] } })).toEqual([
    'note: 1 pictures are turned: 0.jpg (by 0)',
  ]);
});

test('a summary is shown line by line, and its notes are not shown twice', () => {
  expect(describeAnswer({ summary: ['2 pictures taken', '1 is turned'], notes: [note(1)] })).toEqual([
    '- 2 pictures taken',
    '- 1 is turned',
  ]);
});

test('a name of a file cannot command the terminal', () => {
  const named = { code: 'turned', count: 1, text: 'turned', examples: [{ name: '\x1b[2J.jpg', text: 'by 1' }] };
  expect(describeAnswer({ notes: [named] })).toEqual(['note: turned: \\x1b[2J.jpg (by 1)']);
  expect(describeAnswer({ summary: ['damaged: \x1b[2J.jpg'] })).toEqual(['- damaged: \\x1b[2J.jpg']);
});

test('an answer without summary and notes has no lines', () => {
  for (const answer of [{}, { notes: [] }, null, 3, { notes: 'none' }, { stats: { items: 3 } }])
    expect(describeAnswer(answer)).toEqual([]);
});
