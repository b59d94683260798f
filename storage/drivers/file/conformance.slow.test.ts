import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testObjectStore } from '../../testing/conformance.ts';
import { fillFolder, flipBit } from '../../testing/folder-objects.ts';
import { openFileStore } from './file-store.ts';

testObjectStore('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
  return {
    open: () => openFileStore(folder),
    destroy: () => rm(folder, { recursive: true }),
    // Plain files, as in a copied store.
    fill: keys => fillFolder(folder, keys),
    corrupt: (key, at) => flipBit(join(folder, key), at),
  };
});
