/** @file Opens the stores to measure, for a server and in this process. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'minio';
import { z } from 'zod';
import { findMinio } from '../../infra/minio/binary.ts';
import { startMinio } from '../../infra/minio/server.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { startServer } from '../../test/site/listening-process.ts';

const BUCKET = 'easel';

export interface Contestant {
  readonly store: ObjectStore;
  /** Environment of a server that uses this store. */
  readonly env: Readonly<Record<string, string>>;
  /** Peak memory of the process that serves the store, if it is a server of Easel. */
  readPeakBytes?(): Promise<number>;
  stop(): Promise<void>;
}

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Opens a store in an empty folder. @throws Error that says what is missing. */
export const CONTESTANTS: Readonly<Record<string, (folder: string) => Promise<Contestant>>> = {
  async file(folder) {
    const url = `file:${join(folder, 'objects')}`;
    const store = await openStore(url);
    return { store, env: { EASEL_STORE: url }, stop: () => store.close() };
  },

  /** The S3 endpoint of a separate server over a folder store. */
  async endpoint(folder) {
    const keys = { accessKey: 'bench', secretKey: randomBytes(24).toString('base64url') };
    const server = await startServer(
      {
        EASEL_STORE: `file:${join(folder, 'objects')}`,
        EASEL_S3_ACCESS_KEY: keys.accessKey,
        EASEL_S3_SECRET_KEY: keys.secretKey,
      },
      folder,
    );
    const endpoint = await openS3(keys, server.stop, async () => {
      const health = healthSchema.safeParse(await (await fetch(`${server.url}/health`)).json());
      if (!health.success) throw new Error('the server has no S3 endpoint');
      return health.data.s3.url;
    });
    return { ...endpoint, readPeakBytes: server.readPeakBytes };
  },

  async minio(folder) {
    const binary = await findMinio();
    if (binary === undefined) throw new Error('there is no MinIO server on the PATH');
    const server = await startMinio({ binary, folder: join(folder, 'objects') });
    return openS3(server, server.stop, async () => {
      const { accessKey, secretKey, port } = server;
      await new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey }).makeBucket(BUCKET);
      return server.endpoint;
    });
  },
};

const healthSchema = z.looseObject({ s3: z.looseObject({ url: z.string() }) });

async function openS3(keys: Keys, stop: () => Promise<void>, begin: () => Promise<string>): Promise<Contestant> {
  try {
    const variables = { AWS_ACCESS_KEY_ID: keys.accessKey, AWS_SECRET_ACCESS_KEY: keys.secretKey };
    const url = `s3://${BUCKET}?endpoint=${await begin()}`;
    // The SDK reads the keys from the environment at the first request. The next store has other keys.
    Object.assign(process.env, variables);
    const store = await openStore(url);
    await store.head('anything');
    return {
      store,
      env: { EASEL_STORE: url, ...variables },
      async stop() {
        await store.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
