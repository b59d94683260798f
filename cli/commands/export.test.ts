import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFile } from './export.ts';

test('a file is refused before its weights are made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-export-'));
  try {
    await expect(checkFile(join(folder, 'a.safetensors'))).resolves.toBeUndefined();
    await expect(checkFile(join(folder, 'a.bin'))).rejects.toMatchObject({ expected: 'a name with .safetensors' });
    await expect(checkFile(join(folder, 'none', 'a.safetensors'))).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('there is no folder'),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
