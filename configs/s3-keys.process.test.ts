import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readS3Keys } from './s3-keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('processes that start at once get the same S3 keys', async () => {
  const script = join(folder, 'ensure.mjs');
  const module = new URL('./s3-keys.ts', import.meta.url).href;
  await writeFile(
    script,
    `const { ensureS3Keys } = await import('${module}'); process.send(await ensureS3Keys('${folder}'));`,
  );
  const answers = await Promise.all(
    Array.from(
      { length: 4 },
      () =>
        new Promise((resolve, reject) => {
          fork(script).once('message', resolve).once('error', reject);
        }),
    ),
  );
  const keys = await readS3Keys(folder);
  expect(answers).toEqual([keys, keys, keys, keys]);
});
