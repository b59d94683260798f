/** @file The S3 driver on a real MinIO. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findMinio } from '../infra/minio/binary.ts';
import { type MinioServer, startMinio } from '../infra/minio/server.ts';
import { openS3Store } from '../storage/drivers/s3.ts';
import { probeStore } from '../storage/probe.ts';
import { testObjectStore } from '../storage/testing/conformance.ts';
import { testStoreOnWire } from '../storage/testing/wire-conformance.ts';
import { runsTier } from './tiers.ts';

const binary = await findMinio();
const missing =
  binary === undefined ? 'no minio on the PATH nor in EASEL_MINIO; "easel store up minio" builds one' : undefined;

describe.skipIf(!runsTier('minio', missing))('MinIO', () => {
  let folder: string;
  let minio: MinioServer;
  let client: Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-minio-'));
    minio = await startMinio({ binary: binary ?? '', folder });
    const { accessKey, secretKey, port } = minio;
    client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey });
    process.env.AWS_ACCESS_KEY_ID = accessKey;
    process.env.AWS_SECRET_ACCESS_KEY = secretKey;
  });
  afterAll(async () => {
    await minio.stop();
    await rm(folder, { recursive: true });
  });

  async function makeBucket(): Promise<string> {
    const bucket = `easel-${randomUUID()}`;
    await client.makeBucket(bucket);
    return bucket;
  }

  testObjectStore('S3 on MinIO', async () => {
    const bucket = await makeBucket();
    return {
      open: async () => openS3Store(`s3://${bucket}?endpoint=${minio.endpoint}`),
      destroy: async () => {},
    };
  });

  testStoreOnWire('MinIO', async () => {
    const bucket = await makeBucket();
    return {
      endpoint: minio.endpoint,
      open: endpoint => openS3Store(`s3://${bucket}?endpoint=${endpoint}`),
      destroy: async () => {},
    };
  });

  it('passes the probe below a prefix', async () => {
    await probeStore(openS3Store(`s3://${await makeBucket()}/below?endpoint=${minio.endpoint}`));
  });
});
