/** @file The S3 driver on a real MinIO. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMinio } from '../infra/minio/binary.ts';
import { type MinioServer, startMinio } from '../infra/minio/server.ts';
import { createBlobStore } from '../storage/cas.ts';
import type { Digest } from '../storage/digest.ts';
import { writeDocument } from '../storage/documents.ts';
import { openS3Store } from '../storage/drivers/s3.ts';
import { withPatience } from '../storage/patience.ts';
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

  it('is waited for while it is killed and started again, and loses nothing that it acknowledged', async () => {
    const { accessKey, secretKey, port } = minio;
    const bucket = await makeBucket();
    const lines: string[] = [];
    const store = withPatience(openS3Store(`s3://${bucket}?endpoint=${minio.endpoint}`), {
      log: line => lines.push(line),
    });
    const blobs = createBlobStore(store);
    let writing = true;
    const write = async (writer: number) => {
      const acknowledged: { readonly key: string; readonly digest: Digest }[] = [];
      for (let i = 0; writing || i < 5; i++) {
        const { digest } = await blobs.put(randomBytes(10_000));
        const key = `results/${writer}/${i}.json`;
        // Nobody else writes there.
        expect(await writeDocument(store, key, { digest }, { ifNoneMatch: '*' })).toBeDefined();
        acknowledged.push({ key, digest });
      }
      return acknowledged;
    };
    const writers = Promise.all([0, 1, 2, 3].map(write));
    for (let kill = 0; kill < 2; kill++) {
      await sleep(500);
      await minio.stop('SIGKILL');
      await sleep(1000);
      minio = await startMinio({ binary: binary ?? '', folder, port, credentials: { accessKey, secretKey } });
    }
    writing = false;
    const acknowledged = (await writers).flat();
    expect(acknowledged.length).toBeGreaterThanOrEqual(20);
    for (const { key, digest } of acknowledged) {
      expect(JSON.parse(Buffer.from((await store.get(key))?.body ?? []).toString())).toEqual({ digest });
      await blobs.get(digest);
    }
    expect(lines[0]).toContain('waiting for s3://');
    await store.close();
  });
});
