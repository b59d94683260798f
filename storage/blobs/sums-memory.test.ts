import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, digestOf, hexOf } from '../digest.ts';
import { createSumsMemory, openSumsFolder } from './sums-memory.ts';

let cache = '';
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'easel-sums-'));
});
afterEach(async () => {
  await rm(cache, { recursive: true, force: true });
});

const sums = Uint32Array.of(0, 1, 0xffffffff, 0x01020304);
const column = digestOf('column');
const pathOf = (digest: Digest) => join(cache, 'column-sums', hexOf(digest).slice(0, 2), hexOf(digest));

describe('sums of columns', () => {
  it('are remembered in memory until others came after them', async () => {
    const memory = createSumsMemory(2);
    const names = ['a', 'b', 'c'].map(text => digestOf(text));
    for (const name of names) await memory.write(name, sums);
    const known = await Promise.all(names.map(name => memory.read(name)));
    expect(known).toEqual([undefined, sums, sums]);
  });

  it('are read from the folder by another process, as they were written', async () => {
    await openSumsFolder(cache).write(column, sums);
    expect(await openSumsFolder(cache).read(column)).toEqual(sums);
    expect(await openSumsFolder(cache).read(digestOf('another'))).toBeUndefined();
  });

  it('whose file was cut, or is empty, are forgotten and can be written again', async () => {
    const folder = openSumsFolder(cache);
    for (const bytes of ['', 'abcde']) {
      await folder.write(column, sums);
      await writeFile(pathOf(column), bytes);
      expect(await folder.read(column)).toBeUndefined();
    }
    await folder.write(column, sums);
    expect(await folder.read(column)).toEqual(sums);
  });

  it('fill a folder only so far: the oldest files go', async () => {
    const folder = openSumsFolder(cache, 3);
    const digests = Array.from({ length: 9 }, (_, i) => `sha256:ab${String(i).padStart(62, '0')}` as Digest);
    for (const digest of digests) await folder.write(digest, sums);
    const left = await readdir(join(cache, 'column-sums', 'ab'));
    expect(left).toHaveLength(3);
    expect(await folder.read(digests[8] as Digest)).toEqual(sums);
  });

  it('are forgotten where no folder can be made', async () => {
    await writeFile(join(cache, 'column-sums'), 'a file');
    const folder = openSumsFolder(cache);
    await folder.write(column, sums);
    expect(await folder.read(column)).toBeUndefined();
  });
});
