/** @file Where a MinIO server comes from: one that is there, or built from its last source, since no binaries are published any more. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { Internal } from '../../errors.ts';

const run = promisify(execFile);

/** The last commit of the archived repository (2026-02-12); Go's checksum database vouches for it. */
export const MINIO_VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c';
const MODULE = 'github.com/minio/minio';
/** Two minutes on two cores, and the download. */
const BUILD_MS = 20 * 60_000;

type Variables = Readonly<Record<string, string | undefined>>;

/** Undefined when there is none. Looks at EASEL_MINIO, the PATH, and what {@link buildMinio} has built. */
export async function findMinio(env: Variables = process.env): Promise<string | undefined> {
  const given = env.EASEL_MINIO || undefined;
  if (given !== undefined) return given;
  const places = (env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  for (const path of [...places.map(folder => join(folder, 'minio')), builtPath(env)]) {
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/**
 * Builds the pinned version with Go into the cache folder; nothing is left behind when that fails.
 * @returns Path of the binary.
 * @throws Internal when there is no Go, or with what it said.
 */
export async function buildMinio(env: Variables = process.env): Promise<string> {
  const target = builtPath(env);
  await mkdir(dirname(target), { recursive: true });
  const folder = await mkdtemp(join(dirname(target), 'build-'));
  try {
    await run('go', ['install', '-trimpath', `${MODULE}@${MINIO_VERSION}`], {
      env: { ...env, GOBIN: folder, CGO_ENABLED: '0' },
      timeout: BUILD_MS,
      maxBuffer: 2 ** 26,
    });
    await rename(join(folder, 'minio'), target);
    return target;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new Internal('there is neither a minio binary nor Go to build one with', {
        cause,
        expected: '"minio" on the PATH, its path in EASEL_MINIO, or Go 1.24 or newer',
        hint: 'see infra/object-stores.md for other stores, or use a folder',
      });
    }
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim().split('\n').slice(-5) : [];
    throw new Internal(`building MinIO failed: ${said.join('; ') || String(cause)}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
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
