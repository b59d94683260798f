/** @file The store that is soaked: a folder, an S3 store, or a MinIO of its own, which is mortal. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidInput } from '../../errors.ts';
import { findOrBuildMinio, MINIO_VERSION } from '../../infra/minio/binary.ts';
import { type MinioStore, startMinioStore } from '../../infra/minio/store.ts';
import type { SoakStore } from './run-soak.ts';

export interface OpenedStore {
  readonly store: SoakStore;
  /** In words, for the report: no paths. */
  readonly description: string;
  close(): Promise<void>;
}

/** @param given `minio`, `file:DIR` or `s3://...`. @throws InvalidInput; Unprocessable if MinIO cannot be installed. */
export async function openSoakStore(given: string, log: (line: string) => void): Promise<OpenedStore> {
  const close = async () => {};
  if (given === 'minio') return openMinio(log);
  if (given.startsWith('file:')) return { store: { url: given, env: {} }, description: 'a folder', close };
  if (given.startsWith('s3:')) return { store: { url: given, env: {} }, description: 'an S3 store', close };
  throw new InvalidInput(`--store ${given} is wrong`, { expected: 'minio, file:DIR or s3://BUCKET?endpoint=...' });
}

async function openMinio(log: (line: string) => void): Promise<OpenedStore> {
  const binary = await findOrBuildMinio(log);
  // The keys lie beside the data.
  const parent = await mkdtemp(join(tmpdir(), 'easel-soak-'));
  const folder = join(parent, 'data');
  let minio: MinioStore = await startMinioStore({ binary, folder });
  const { url, env, endpoint } = minio;
  const port = Number(new URL(endpoint).port);
  return {
    store: {
      url,
      env,
      mortal: {
        get pid() {
          return minio.pid;
        },
        async kill(awayMs) {
          if (minio.pid !== undefined) process.kill(minio.pid, 'SIGKILL');
          await minio.ended;
          await sleep(awayMs);
          minio = await startMinioStore({ binary, folder, port });
        },
      },
    },
    description: `MinIO (community edition, source ${MINIO_VERSION}, one disk)`,
    async close() {
      await minio.stop();
      await rm(parent, { recursive: true });
    },
  };
}
