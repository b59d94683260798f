import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fillFolder, makeTemporary } from './unfinished-folder.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'easel-unfinished-'));
});
afterEach(() => rm(place, { recursive: true }));

test('a folder appears whole, and not at all when it cannot be filled', async () => {
  const folder = join(place, 'made');
  const fails = fillFolder(
    folder,
    () => false,
    async temporary => {
      await writeFile(join(temporary, 'half'), '');
      throw new Error('the disk is full');
    },
  );
  await expect(fails).rejects.toThrow('the disk is full');
  expect(await readdir(place)).toEqual([]);
  await fillFolder(
    folder,
    () => false,
    temporary => writeFile(join(temporary, 'file'), ''),
  );
  expect(await readdir(place)).toEqual(['made']);
  expect(await readdir(folder)).toEqual(['file']);
});

test('a cache folder that is a file is refused with what to do', async () => {
  await writeFile(join(place, 'cache'), '');
  await expect(makeTemporary(join(place, 'cache', 'engines', 'x'))).rejects.toMatchObject({
    code: 'invalid_input',
    hint: 'name another one by EASEL_CACHE',
  });
});
