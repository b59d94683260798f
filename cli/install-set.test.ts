import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BundledPackages } from '../configs/set-packages.ts';
import { NotFound } from '../errors.ts';
import { packTar } from '../formats/tar.ts';
import { tarballName } from './bring-package.ts';
import { hasSet, installSet } from './install-set.ts';

const TAR = packTar([
  ['package/package.json', Buffer.from('{}')],
  ['package/en/data.json', Buffer.from('[1]')],
]);
const TARBALL = gzipSync(TAR);
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
const pinned = {
  spec: '@someone/pictures@1.2.3',
  integrity: `sha512-${createHash('sha512').update(TARBALL).digest('base64')}`,
  size: 1,
  license: { name: 'MIT', read_in: 'LICENSE' },
};
const SET: BundledPackages = {
  name: 'toys',
  about: 'toys',
  packages: [pinned, { ...pinned, file: 'package/en/data.json' }],
  blobs: { pictures: digestOf(TAR), names: digestOf(Buffer.from('[1]')) },
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-set-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A server that keeps uploads, and npm that brings a tarball. */
function createLab(tarball: Uint8Array = TARBALL) {
  const blobs = new Map<string, Uint8Array>();
  const downloaded: string[] = [];
  const api = {
    request: async (_: string, path: string) => {
      if (blobs.has(path.slice('/objects/'.length))) return new Response();
      throw new NotFound('no blob');
    },
    upload: async (digest: string, bytes: Uint8Array) => void blobs.set(digest, bytes),
  };
  const options = {
    cacheFolder: folder,
    log: () => {},
    download: async (spec: string, to: string) => {
      downloaded.push(spec);
      await writeFile(join(to, 'brought.tgz'), tarball);
    },
  };
  return { blobs, downloaded, api: api as never, options };
}

test('a set is installed from its packages: a tar without compression, and a file of one; again it does nothing', async () => {
  const { blobs, downloaded, api, options } = createLab();
  expect(await hasSet(SET, api)).toBe(false);
  expect(await installSet(SET, api, options)).toBe(true);
  expect(Buffer.from(blobs.get(SET.blobs.pictures!)!)).toEqual(Buffer.from(TAR));
  expect(Buffer.from(blobs.get(SET.blobs.names!)!).toString()).toBe('[1]');
  const count = downloaded.length;
  expect(await installSet(SET, api, options)).toBe(false);
  expect(downloaded).toHaveLength(count);
  expect(await hasSet(SET, api)).toBe(true);
});

test('a package with another integrity is refused, and nothing is stored', async () => {
  const { blobs, api, options } = createLab(gzipSync(Buffer.from('evil')));
  await expect(installSet(SET, api, options)).rejects.toThrow('has the wrong integrity');
  expect(blobs.size).toBe(0);
});

test('a folder of tarballs takes the place of a download; one that is missing is named', async () => {
  const { blobs, downloaded, api, options } = createLab();
  await expect(installSet(SET, api, { ...options, tarball: folder })).rejects.toThrow('there is no package at');
  await writeFile(join(folder, tarballName(pinned.spec)), TARBALL);
  await installSet(SET, api, { ...options, tarball: folder });
  expect([blobs.size, downloaded]).toEqual([2, []]);
  expect(tarballName('emojibase-data@17.0.0')).toBe('emojibase-data-17.0.0.tgz');
});
