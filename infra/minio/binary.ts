/** @file Finds a MinIO server on this machine, or builds one from its last source: its makers publish no binaries. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { expandHome } from '../../configs/home-path.ts';
import { makeFolders } from '../../configs/make-folders.ts';
import { Unprocessable } from '../../errors.ts';

/** The last commit of the archived repository (2026-02-12); Go's checksum database vouches for it. */
export const MINIO_VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c';
const MODULE = 'github.com/minio/minio';
/** Limit of a build: it takes two minutes on two cores, and a download. */
const BUILD_MS = 20 * 60_000;
const TELL_MS = 15_000;
const KEPT_LINES = 5;

type Variables = Readonly<Record<string, string | undefined>>;
type Log = (line: string) => void;

/** Looks at EASEL_MINIO, the PATH and the result of {@link buildMinio}. @returns A path; undefined if none is found. */
export async function findMinio(env: Variables = process.env): Promise<string | undefined> {
  if (env.EASEL_MINIO) return expandHome(env.EASEL_MINIO);
  const places = (env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  for (const path of [...places.map(folder => join(folder, 'minio')), builtPath(env)]) {
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** Finds a MinIO server, or builds one. @returns Path of the binary. @throws Unprocessable as {@link buildMinio} */
export async function findOrBuildMinio(log: Log, env: Variables = process.env): Promise<string> {
  return (await findMinio(env)) ?? (await buildMinio(log, env));
}

/**
 * Builds the pinned version with Go into the cache folder. The binary appears whole or not at all.
 * @returns Path of the binary.
 * @throws Unprocessable if Go is missing, or with Go's last lines if the build fails.
 */
export async function buildMinio(log: Log, env: Variables = process.env): Promise<string> {
  const target = builtPath(env);
  await makeFolders(dirname(target));
  await sweepBuilds(dirname(target));
  const folder = await mkdtemp(join(dirname(target), 'build-'));
  try {
    await runGo(['install', '-v', '-trimpath', `${MODULE}@${MINIO_VERSION}`], log, {
      ...env,
      GOBIN: folder,
      CGO_ENABLED: '0',
    });
    await rename(join(folder, 'minio'), target);
    log(`built ${target}`);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs Go, which prints each package it compiles, each module it downloads, and its errors at the end. */
async function runGo(args: readonly string[], log: Log, env: Variables): Promise<void> {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
  const said: string[] = [];
  let count = 0;
  const child = spawn('go', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = Promise.withResolvers<number | null>();
  child.once('error', ended.reject).once('close', ended.resolve);
  child.once('spawn', () =>
    log(`building MinIO ${MINIO_VERSION} with Go (two minutes on two cores, and a download) ...`),
  );
  createInterface({ input: child.stderr }).on('line', line => {
    if (!line.startsWith('go: downloading ')) count += 1;
    said.push(line);
    if (said.length > KEPT_LINES) said.shift();
  });
  // spawn's own `timeout` would keep this process alive when there is no Go.
  const ending = setTimeout(() => child.kill(), BUILD_MS);
  const telling = setInterval(() => log(`building MinIO: ${count} packages compiled, ${seconds()} s`), TELL_MS);
  try {
    const code = await ended.promise;
    if (code === 0) return;
    const why = code === null ? `it was stopped after ${seconds()} s` : said.join('; ');
    throw new Unprocessable(`building MinIO failed: ${why}`, { hint: 'see infra/object-stores.md for other stores' });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new Unprocessable('this machine has neither a minio binary nor Go to build one', {
      cause,
      expected: '"minio" on the PATH, its path in EASEL_MINIO, or Go 1.24 or newer',
      hint: 'see infra/object-stores.md for other stores, or use a folder (file:DIR)',
    });
  } finally {
    clearTimeout(ending);
    clearInterval(telling);
  }
}

/** Deletes the folders of killed builds. */
async function sweepBuilds(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('build-')) continue;
    const path = join(folder, name);
    const since = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (Date.now() - since > BUILD_MS) await rm(path, { recursive: true, force: true });
  }
}

function builtPath(env: Variables): string {
  return join(cacheFolderOf(env), 'minio', MINIO_VERSION, 'minio');
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
