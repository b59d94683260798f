import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFile, findStep } from './export.ts';

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

test('the step of an exported checkpoint is found by its word', () => {
  const checkpoints = [
    { step: 4, checkpoint: 'a', clean: true },
    { step: 8, checkpoint: 'b', best: true },
    { step: 12, checkpoint: 'c' },
  ];
  const steps = ['latest', 'best', 'clean', '8', '9'].map(version => findStep(checkpoints, version));
  expect(steps).toEqual([12, 8, 4, 8, undefined]);
});
