import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkApart } from './second-site.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-apart-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('an empty folder, and the second store of an earlier call, are taken', async () => {
  await checkApart(folder, 'file:/elsewhere');
  await mkdir(join(folder, '.easel'));
  await mkdir(join(folder, 'actions'));
  await checkApart(folder, undefined);
  await checkApart(folder, 's3://bucket?endpoint=http://127.0.0.1:9000');
});

test('the first store is refused, also by a link to it', async () => {
  await mkdir(join(folder, 'first'));
  await symlink(join(folder, 'first'), join(folder, 'link'));
  for (const name of ['first', 'link']) {
    await expect(checkApart(join(folder, name), `file:${folder}/first`)).rejects.toThrow('the store of the server');
  }
});

test('a store in which people work is refused, whoever its server is', async () => {
  await mkdir(join(folder, '.easel'));
  await mkdir(join(folder, 'refs'));
  await expect(checkApart(folder, undefined)).rejects.toThrow('names of its own');
});

test('a folder with files of a person is refused', async () => {
  await writeFile(join(folder, 'letter.txt'), '');
  await expect(checkApart(folder, undefined)).rejects.toThrow('other files');
});
