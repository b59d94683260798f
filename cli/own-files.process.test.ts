import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkReportFile } from './own-files.ts';

test('a pipe in the place of a page is refused, and not waited for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pipe = join(folder, 'page.html');
  execFileSync('mkfifo', [pipe]);
  await expect(checkReportFile(pipe)).rejects.toThrow('page.html is there');
});
