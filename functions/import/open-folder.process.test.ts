import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Conflict } from '../../errors.ts';
import { openFolder } from './open-folder.ts';

test('a pipe that has replaced a file is not read', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'easel-import-')));
  const path = join(folder, 'b.png');
  await writeFile(path, 'b');
  const [file] = (await openFolder(folder, [folder])).files;
  await rm(path);
  await promisify(execFile)('mkfifo', [path]);
  await expect(file?.read()).rejects.toThrow(Conflict);
  await rm(folder, { recursive: true });
});
