import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ImportRow, measureImport } from './measure-import.ts';

test.skipIf(process.platform !== 'linux')('photographs are drawn, imported and bucketed in a new folder', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'easel-measure-import-'));
  try {
    const folder = join(parent, 'photographs');
    const rows: ImportRow[] = [];
    await measureImport({ folder, pictures: 2, sizes: [64], port: 0, hasPeer: false }, row => rows.push(row));
    expect(rows).toMatchObject([{ net: '2 photographs to 64 px' }]);
    expect(rows[0]?.stages).toMatch(/^import [\d.]+, inspect [\d.]+, bucket [\d.]+$/);
    // The photographs stay for the next run, the store does not.
    expect((await readdir(folder)).sort()).toEqual(['all', 'first-2']);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
