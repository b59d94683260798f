import { expect, test } from 'vitest';
import { listTexts } from './list-texts.ts';

test('captions are items of a list, and none of their characters formats it', () => {
  const texts = ['a *red* fox_cub', 'two\nlines\n# no title', '<b>&amp; [x](y)'];
  expect(listTexts(texts).split('\n')).toEqual([
    String.raw`1. a \*red\* fox\_cub`,
    String.raw`2. two lines \# no title`,
    String.raw`3. \<b\>\&amp; \[x\](y)`,
  ]);
});
