import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LONG_FILES, putLongFirst } from './long-files-first.ts';

const root = join(import.meta.dirname, '..');
const inRoot = (path: string) => join(root, path);

test('long files come first, the longest at the front, and the others keep their order', () => {
  const [longest = '', next = ''] = LONG_FILES;
  const paths = ['test/b.test.ts', next, 'test/a.test.ts', longest].map(inRoot);
  const sorted = putLongFirst(paths, path => path);
  expect(sorted).toEqual([longest, next, 'test/b.test.ts', 'test/a.test.ts'].map(inRoot));
});

test('each long file exists, once in the list', () => {
  expect(LONG_FILES.filter(path => !existsSync(inRoot(path)))).toEqual([]);
  expect(new Set(LONG_FILES).size).toBe(LONG_FILES.length);
});
