/** @file Brings a pinned package of the npm registry by npm, or from this machine, and checks its sha512. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expandHome } from '../configs/home-path.ts';
import { isFolder } from '../configs/is-folder.ts';
import type { SetPackage } from '../configs/set-packages.ts';
import { NotFound, Unprocessable } from '../errors.ts';
import { runCommand } from './run-command.ts';
import { makeTemporary } from './unfinished-folder.ts';

export interface PackageOptions {
  /** A tarball on this machine, or a folder of tarballs; absent: npm downloads the package. */
  readonly tarball?: string | undefined;
  readonly log: (line: string) => void;
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Environment of npm; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Downloads the package as a tarball into an empty folder. */
  readonly download?: (spec: string, folder: string) => Promise<void>;
}

/** '@lobehub/fluent-emoji-3d@1.1.0' -> 'lobehub-fluent-emoji-3d-1.1.0.tgz', as `npm pack` names it. */
export function tarballName(spec: string): string {
  return `${spec.replace(/^@/, '').replace(/[/@]/g, '-')}.tgz`;
}

/**
 * Downloads a package into a folder, or takes the one that lies there.
 * @returns The bytes of the tarball.
 * @throws Unprocessable if the download fails or the package is not the pinned one, NotFound if `options.tarball` is
 * not there; the signal's reason if the signal stopped the download.
 */
export async function bringPackage(
  pinned: SetPackage,
  downloads: string,
  options: PackageOptions,
): Promise<Uint8Array> {
  const file = tarballName(pinned.spec);
  if (options.tarball !== undefined) {
    const given = expandHome(options.tarball);
    const path = (await isFolder(given)) ? join(given, file) : given;
    const bytes = await readFile(path).catch(cause => {
      throw new NotFound(`there is no package at ${path}`, { cause });
    });
    return requireIntegrity(bytes, pinned);
  }
  const path = join(downloads, file);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && integrityOf(kept) === pinned.integrity) return kept;
  const folder = await makeTemporary(join(downloads, 'npm-'));
  try {
    options.log(`downloading ${pinned.spec} by npm, from npm's configured registry (${pinned.size} MB)`);
    await (options.download ?? ((spec, to) => downloadByNpm(spec, to, options)))(pinned.spec, folder);
    const [name] = (await readdir(folder)).filter(each => each.endsWith('.tgz'));
    if (name === undefined) throw new Unprocessable(`npm brought no package ${pinned.spec}`);
    const bytes = requireIntegrity(await readFile(join(folder, name)), pinned);
    await rename(join(folder, name), path);
    return bytes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireIntegrity(bytes: Uint8Array, { spec, integrity }: SetPackage): Uint8Array {
  const own = integrityOf(bytes);
  if (own === integrity) return bytes;
  throw new Unprocessable(`the package ${spec} has the wrong integrity ${own} and was not unpacked`, {
    expected: integrity,
  });
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

/** `npm pack` downloads without installing: no script of the package runs. */
async function downloadByNpm(
  spec: string,
  folder: string,
  { signal, env = process.env }: PackageOptions,
): Promise<void> {
  const args = ['pack', spec, '--ignore-scripts', '--pack-destination', folder, '--loglevel', 'error'];
  const { code, said } = await runCommand('npm', args, { env, signal });
  signal?.throwIfAborted();
  if (code === 0) return;
  throw new Unprocessable(`${spec} could not be downloaded: ${said.split('\n').at(-1) || 'npm is not on the PATH'}`, {
    expected: 'npm on the PATH, and a registry that has the package',
    hint: `download ${tarballName(spec)} yourself and pass its folder with --tarball`,
  });
}
