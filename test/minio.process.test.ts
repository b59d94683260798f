/** @file The S3 driver on a real MinIO. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectMinio } from '../infra/minio/bootstrap.ts';
import { type MinioServer, startMinio } from '../infra/minio/server.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import type { Digest } from '../storage/digest.ts';
import { openS3Store } from '../storage/drivers/s3/s3-store.ts';
import { writeVersioned } from '../storage/names/versioned.ts';
import { withPatience } from '../storage/patience.ts';
import { probeStore } from '../storage/probe.ts';
import { testObjectStore } from '../storage/testing/conformance.ts';
import { testStoreOnWire } from '../storage/testing/wire-conformance.ts';
import { hasMinio, minioBinary, openTestMinio } from './minio-tier.ts';

describe.skipIf(!hasMinio)('MinIO', () => {
  let first: Awaited<ReturnType<typeof openTestMinio>>;
  let minio: MinioServer;

  beforeAll(async () => {
    first = await openTestMinio();
    minio = first;
    process.env.AWS_ACCESS_KEY_ID = minio.accessKey;
    process.env.AWS_SECRET_ACCESS_KEY = minio.secretKey;
  });
  afterAll(async () => {
    await minio.stop();
    await first.remove();
  });

  async function makeBucket(): Promise<string> {
    const bucket = `easel-${randomUUID()}`;
    await connectMinio(minio.endpoint, minio).makeBucket(bucket);
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

  it('MinIO passes the probe below a prefix', async () => {
    await probeStore(openS3Store(`s3://${await makeBucket()}/below?endpoint=${minio.endpoint}`));
  });

  it('writers wait for a MinIO that is killed and started again, and no acknowledged write is lost', async () => {
    const { accessKey, secretKey, port, folder } = first;
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
        expect(await writeVersioned(store, key, { digest }, { ifNoneMatch: '*' })).toBeDefined();
        acknowledged.push({ key, digest });
      }
      return acknowledged;
    };
    const writers = Promise.all([0, 1, 2, 3].map(write));
    for (let kill = 0; kill < 2; kill++) {
      await sleep(500);
      await minio.stop('SIGKILL');
      await sleep(1000);
      minio = await startMinio({ binary: minioBinary(), folder, port, credentials: { accessKey, secretKey } });
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
