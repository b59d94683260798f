/**
 * @file Installs the libraries of an engine into the cache folder, from pinned wheels that are checked before they are
 * unpacked.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type EnginePackage, type EngineWheel, enginePackageFolder } from '../configs/engine-packages.ts';
import { Unprocessable } from '../errors.ts';
import { readZip } from '../formats/zip.ts';
import { bringWheel, type WheelOptions } from './bring-wheel.ts';

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
  await mkdir(dirname(folder), { recursive: true });
  await removeAbandoned(folder);
  const temporary = await mkdtemp(`${folder}${UNFINISHED}${process.pid}-`);
  try {
    options.log(`installing ${pinned.name} ${pinned.version} (${pinned.license}, ${pinned.size} MB) into ${folder}`);
    for (const wheel of wheels) await unpackWheel(await bringWheel(wheel, downloads, options), wheel, temporary);
    await publish(temporary, folder, pinned);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  for (const { file } of wheels) await rm(join(downloads, file), { force: true });
  options.log(`${pinned.name} ${pinned.version} is installed`);
  return library;
}

/** Part of the name of a folder that a process fills; the process's id follows. */
const UNFINISHED = '.tmp-';

/** Removes folders that killed processes left behind. */
async function removeAbandoned(folder: string): Promise<void> {
  const prefix = `${basename(folder)}${UNFINISHED}`;
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function unpackWheel(bytes: Uint8Array, { keep }: EngineWheel, folder: string): Promise<void> {
  for (const entry of readZip(bytes)) {
    if (entry.name.endsWith('/') || !keep.some(prefix => entry.name.startsWith(prefix))) continue;
    const path = join(folder, entry.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, entry.read(), { mode: entry.isExecutable ? 0o755 : 0o644 });
  }
}

async function publish(temporary: string, folder: string, pinned: EnginePackage): Promise<void> {
  if (!existsSync(join(temporary, pinned.library))) {
    throw new Unprocessable(`no wheel of ${pinned.name} has ${pinned.library}`);
  }
  try {
    // A folder that lies here lacks the library: installEngine looked.
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    // Another process was faster and installed the same files.
    if (!existsSync(join(folder, pinned.library))) throw error;
  }
}
