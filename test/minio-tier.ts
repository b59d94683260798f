/** @file A MinIO of their own for tests: those of the tier `minio` run where one is found; none is built for them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findMinio } from '../infra/minio/binary.ts';
import { type MinioServer, startMinio } from '../infra/minio/server.ts';
import { type MinioStore, startMinioStore } from '../infra/minio/store.ts';
import { runsTier } from './tiers.ts';

const found = await findMinio();

/** For `describe.skipIf(!hasMinio)`. */
export const hasMinio = runsTier(
  'minio',
  found === undefined ? 'none on the PATH, in EASEL_MINIO or built: npm run easel -- store install minio' : undefined,
);

/** Path of the binary. @throws Error where {@link hasMinio} is false. */
export function minioBinary(): string {
  if (found === undefined) throw new Error('no MinIO: skip this test with hasMinio');
  return found;
}

interface Temporary {
  readonly folder: string;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** A server without buckets, on a free port. */
export async function openTestMinio(): Promise<MinioServer & Temporary> {
  return inTemporaryFolder(folder => startMinio({ binary: minioBinary(), folder }));
}

/** A server with a bucket, as `easel store up minio` starts it. */
export async function openTestStore(): Promise<MinioStore & Temporary> {
  return inTemporaryFolder(folder => startMinioStore({ binary: minioBinary(), folder }));
}

async function inTemporaryFolder<T extends { stop(): Promise<void> }>(
  start: (folder: string) => Promise<T>,
): Promise<T & Temporary> {
  const parent = await mkdtemp(join(tmpdir(), 'easel-minio-'));
  const folder = join(parent, 'data');
  const server = await start(folder);
  const remove = async () => {
    await server.stop();
    await rm(parent, { recursive: true, force: true });
  };
  return { ...server, folder, remove };
}
