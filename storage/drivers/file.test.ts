import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testObjectStore } from '../testing/conformance.ts';
import { openFileStore } from './file.ts';

testObjectStore('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
  return { open: () => openFileStore(folder), destroy: () => rm(folder, { recursive: true }) };
});
