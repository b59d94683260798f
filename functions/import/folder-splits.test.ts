import { expect, test } from 'vitest';
import { splitsOfFolders } from './folder-splits.ts';

test('folders of Hugging Face say the splits, at the top or below one folder', () => {
  const splits = splitsOfFolders(['train/a.png', 'train/x/b.png', 'Validation/c.png', 'test/d.png']);
  expect([...(splits ?? [])]).toEqual([
    ['train/a.png', 'train'],
    ['train/x/b.png', 'train'],
    ['Validation/c.png', 'val'],
    ['test/d.png', 'test'],
  ]);
  expect(splitsOfFolders(['data/train/a.png', 'data/val/b.png'])?.get('data/val/b.png')).toBe('val');
});

test.each([
  ['a picture beside the folders', ['train/a.png', 'test/b.png', 'c.png']],
  ['train alone: pictures of trains', ['train/a.png', 'train/b.png']],
  ['no train', ['test/a.png', 'val/b.png']],
  ['another folder', ['train/a.png', 'test/b.png', 'bus/c.png']],
  ['two folders above', ['x/train/a.png', 'y/test/b.png']],
  ['no folder', ['train.png', 'test.png']],
])('%s: the folders say nothing', (_, names) => {
  expect(splitsOfFolders(names)).toBeUndefined();
});
