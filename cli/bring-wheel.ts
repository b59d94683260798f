/** @file Brings a pinned wheel into a folder, by pip or from this machine, and checks its sha256. */
import { readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expandHome } from '../configs/home-path.ts';
import { isFolder } from '../configs/is-folder.ts';
import type { Wheel } from '../configs/wheels.ts';
import { NotFound, Unprocessable } from '../errors.ts';
import { sha256Of } from './digest.ts';
import { runCommand } from './run-command.ts';
import { makeTemporary } from './unfinished-folder.ts';

export interface WheelOptions {
  /** A wheel on this machine, or a folder of wheels; absent: pip downloads the wheel. */
  readonly wheel?: string | undefined;
  readonly log: (line: string) => void;
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Environment of pip; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Downloads the wheel into a folder, under its own name. */
  readonly download?: (wheel: Wheel, folder: string) => Promise<void>;
}

/**
 * Downloads a wheel into a folder, or takes the one that lies there.
 * @returns The bytes of the wheel.
 * @throws Unprocessable if the download fails or the wheel is not the pinned one, NotFound if `options.wheel` is not
 * there; the signal's reason if the signal stopped the download.
 */
export async function bringWheel(wheel: Wheel, downloads: string, options: WheelOptions): Promise<Uint8Array> {
  if (options.wheel !== undefined) {
    const given = expandHome(options.wheel);
    const path = (await isFolder(given)) ? join(given, wheel.file) : given;
    return requireDigest(await readWheel(path), wheel, path);
  }
  const path = join(downloads, wheel.file);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && sha256Of(kept) === wheel.sha256) return kept;
  const folder = await makeTemporary(join(downloads, 'pip-'));
  try {
    options.log(`downloading ${wheel.project} ${wheel.version} by pip, from pip's configured index`);
    await (options.download ?? downloadByPip)(wheel, folder, options);
    const bytes = requireDigest(await readWheel(join(folder, wheel.file)), wheel, wheel.file);
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

function requireDigest(bytes: Uint8Array, wheel: Wheel, name: string): Uint8Array {
  const digest = sha256Of(bytes);
  if (digest === wheel.sha256) return bytes;
  throw new Unprocessable(`${basename(name)} has the wrong sha256 ${digest} and was not unpacked`, {
    expected: `${wheel.file}, sha256 ${wheel.sha256}`,
  });
}

/** Commands that may run a pip. Any pip will do, since its arguments name the wheel in full. */
const PIPS = [['pip'], ['pip3'], ['python3', '-m', 'pip'], ['uvx', 'pip']] as const;

async function downloadByPip(
  { project, version, file, select }: Wheel,
  folder: string,
  { signal, env = process.env }: WheelOptions,
): Promise<void> {
  const told: string[] = [];
  for (const [command, ...prefix] of PIPS) {
    const args = [
      ...prefix,
      ...['download', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--dest', folder],
      ...select,
      `${project}==${version}`,
    ];
    const { code, said } = await runCommand(command, args, { env, signal });
    signal?.throwIfAborted();
    if (code === 0) return;
    if (code !== undefined) told.push(`${[command, ...prefix].join(' ')}: ${said.split('\n').at(-1)}`);
  }
  const why = told.length > 0 ? told.join('; ') : 'neither pip nor uv is on the PATH';
  throw new Unprocessable(`${project} could not be downloaded: ${why}`, {
    expected: 'pip or uv on the PATH, and an index that has the wheel',
    hint: `download ${file} yourself and pass it, or its folder, with --wheel`,
  });
}
