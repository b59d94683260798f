/** @file Sums of columns that were read whole: in memory, or in a folder of this machine. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '../../configs/make-folders.ts';
import { type Digest, hexOf } from '../digest.ts';
import type { ColumnSums } from '../types.ts';
import type { SumsMemory } from './column-sums.ts';

/** Columns that are remembered in memory: about 5 MB. */
const MOST_IN_MEMORY = 8192;
/** Columns in each of the 256 folders: in all, those of about 800,000 pictures with five columns, in 256 MB. */
const MOST_IN_FOLDER = 256;
const SUM_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** Remembers sums as long as the process lives. */
export function createSumsMemory(most = MOST_IN_MEMORY): SumsMemory {
  const known = new Map<Digest, ColumnSums>();
  return {
    read: async column => known.get(column),
    async write(column, sums) {
      known.delete(column);
      known.set(column, sums);
      const [oldest] = known.keys();
      if (known.size > most && oldest !== undefined) known.delete(oldest);
    },
  };
}

/**
 * Remembers sums in files, for later processes and for others on this machine. A file that is missing or cut is no
 * error, and neither is a folder that cannot be written. Wrong sums in a file are found out by their column, which
 * then does not fit.
 * @param cacheFolder EASEL_CACHE.
 */
export function openSumsFolder(cacheFolder: string, most = MOST_IN_FOLDER): SumsMemory {
  const folder = join(cacheFolder, 'column-sums');
  const place = (column: Digest) => {
    const hex = hexOf(column);
    return { parent: join(folder, hex.slice(0, 2)), name: hex };
  };
  return {
    async read(column) {
      const { parent, name } = place(column);
      const bytes = await readFile(join(parent, name)).catch(() => undefined);
      if (bytes === undefined || bytes.length === 0 || bytes.length % SUM_BYTES !== 0) return undefined;
      return Uint32Array.from({ length: bytes.length / SUM_BYTES }, (_, i) => bytes.readUInt32LE(SUM_BYTES * i));
    },
    async write(column, sums) {
      const { parent, name } = place(column);
      const temporary = join(parent, `${randomUUID()}.tmp`);
      const bytes = Buffer.alloc(SUM_BYTES * sums.length);
      for (const [i, sum] of sums.entries()) bytes.writeUInt32LE(sum, SUM_BYTES * i);
      try {
        await makeFolders(parent);
        await writeFile(temporary, bytes);
        await rename(temporary, join(parent, name));
        await evict(parent, most);
      } catch {
        // Without the file, the next process reads the column whole.
      } finally {
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

/** Deletes the oldest files, also those that a killed process left. */
async function evict(folder: string, most: number): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= most) return;
  const written = await Promise.all(
    names.map(async name => ({ path: join(folder, name), time: (await stat(join(folder, name))).mtimeMs })),
  );
  const oldest = written.sort((a, b) => a.time - b.time).slice(0, names.length - most);
  await Promise.all(oldest.map(({ path }) => rm(path, { force: true })));
}
