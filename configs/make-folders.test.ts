import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolders } from './make-folders.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'easel-folders-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('makeFolders makes missing parents, and tells the first one that it made', async () => {
  expect(await makeFolders(join(root, 'a/b/c'), { mode: 0o700 })).toBe(join(root, 'a'));
  expect((await stat(join(root, 'a/b/c'))).mode & 0o777).toBe(0o700);
  expect(await makeFolders(join(root, 'a/b/d/'))).toBe(join(root, 'a/b/d'));
  expect(await makeFolders(join(root, 'a/b/c'))).toBeUndefined();
  expect(await makeFolders('/')).toBeUndefined();
  await symlink('a', join(root, 'link'));
  expect(await makeFolders(join(root, 'link'))).toBeUndefined();
});

test('makeFolders says at once why a folder cannot be made', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolders(join(root, 'file'))).rejects.toThrow('EEXIST');
  await expect(makeFolders(join(root, 'file/below'))).rejects.toThrow('ENOTDIR');
});

test.runIf(process.platform === 'linux')(
  'makeFolders does not try for ever where the kernel makes no folder',
  async () => {
    await expect(makeFolders('/proc/nope/a/b')).rejects.toThrow('ENOENT');
  },
);
