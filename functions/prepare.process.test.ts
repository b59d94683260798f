import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createPictureLab } from './testing/pictures.ts';

const PORTRAITS = { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 10 };

test('two processes prepare the same dataset from the same call', async () => {
  const prepared = await createPictureLab().executor.callEffect('prepare', PORTRAITS);
  const script = fileURLToPath(new URL('./testing/print-prepared.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(PORTRAITS)]);
  expect(prepared).toMatchObject({ digest: stdout.trim() });
});
