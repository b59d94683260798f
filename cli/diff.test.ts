import { expect, test } from 'vitest';
import { formatDiff } from './commands/diff.ts';

const counts = { added: 1, removed: 0, replaced: 0, renamed: 0, caption: 2, split: 0, pixels: 0 };

test('a diff begins with its counts, and has a line for each change', () => {
  const changes = [
    { change: 'added', name: 'a.png' },
    { change: 'caption', name: 'b\u001b[31m.png', before: 'one', now: 'two' },
  ];
  const lines = formatDiff({ counts, same: 7, changes }, 2).split('\n');
  expect(lines[0]).toBe('1 added, 2 caption, 7 the same');
  expect(lines[2]).toBe('added    a.png');
  expect(lines[3]).toMatch(/^caption {2}b.*\.png +one -> two$/);
  expect(lines.join('')).not.toContain('\u001b');
  expect(lines[4]).toBe('and 1 more: --lines, or GET /datasets/NAME/diff');
});

test('of equal datasets nothing differs', () => {
  expect(formatDiff({ counts: { added: 0 }, same: 3, changes: [] }, 5)).toBe('nothing differs, 3 the same');
});
