import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { cacheFolderOf } from './cache-folder.ts';
import { expandHome } from './home-path.ts';
import { parseStoreFolder } from './store-folder.ts';

test('a tilde is the home folder, alone and before a slash', () => {
  const paths = ['~', '~/', '~/a/b', '~//a', 'a/~', './~', '/~', ''];
  const home = homedir();
  expect(paths.map(expandHome)).toEqual([home, home, `${home}/a/b`, `${home}/a`, 'a/~', './~', '/~', '']);
});

test('the home folder of another user is refused, with the way to write a folder of that name', () => {
  expect(() => expandHome('~bob/x')).toThrow(expect.objectContaining({ hint: expect.stringContaining('"./~bob/x"') }));
});

test('the variables that name a folder take a tilde', () => {
  expect(parseStoreFolder('file:~/easel')).toBe(`${homedir()}/easel`);
  expect(() => parseStoreFolder('file:~bob')).toThrow('another user');
  expect(parseStoreFolder('file:./~bob')).toBe('./~bob');
  expect(cacheFolderOf({ EASEL_CACHE: '~/c' })).toBe(`${homedir()}/c`);
});
