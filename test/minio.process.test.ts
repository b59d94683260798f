/** @file The S3 driver on a real MinIO. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { packTar } from '../formats/tar.ts';
import { renderSvgPng } from '../functions/pictures/image.ts';
import { createPictureLab } from '../functions/testing/pictures.ts';
import { connectMinio } from '../infra/minio/bootstrap.ts';
import { type MinioServer, startMinio } from '../infra/minio/server.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import type { Digest } from '../storage/digest.ts';
import { openS3Store } from '../storage/drivers/s3/s3-store.ts';
import { writeVersioned } from '../storage/names/versioned.ts';
import { withPatience } from '../storage/patience.ts';
import { probeStore } from '../storage/probe.ts';
import { digestSchema } from '../storage/records.ts';
import { testObjectStore } from '../storage/testing/conformance.ts';
import { testStoreOnWire } from '../storage/testing/wire-conformance.ts';
import { hasMinio, minioBinary, openTestMinio } from './minio-tier.ts';

const importedSchema = z.looseObject({ originals: digestSchema, rejects: z.array(z.unknown()) });

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

  it('a prefix of a bucket is imported: odd keys, tars and captions', async () => {
    const bucket = await makeBucket();
    const store = openS3Store(`s3://${bucket}?endpoint=${minio.endpoint}`);
    const [red, blue, gold] = await Promise.all(
      ['red', 'blue', 'gold'].map(color =>
        renderSvgPng(
          `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="${color.length * 6}" fill="${color}"/></svg>`,
        ),
      ),
    );
    const objects: Readonly<Record<string, Uint8Array | string>> = {
      'photos/a b+c 100%.png': red ?? '',
      'photos/a b+c 100%.txt': 'red',
      'photos/ü/~*().png': blue ?? '',
      'photos/tars/more.tar': packTar([
        ['x.png', gold ?? new Uint8Array()],
        ['x.txt', Buffer.from('gold')],
      ]),
      'other/secret.png': red ?? '',
    };
    for (const [key, body] of Object.entries(objects)) await store.put(key, Buffer.from(body));
    await store.close();
    const lab = createPictureLab({ importBuckets: [`s3://${bucket}/photos?endpoint=${minio.endpoint}`] });
    const read = async (prefix: string) => {
      const body = { dataset: 'photos', s3: `s3://${bucket}/${prefix}` };
      const { originals, rejects } = importedSchema.parse(await lab.executor.callEffect('import', body));
      const items = await lab.items(originals);
      return { originals, rejects, captions: items.map(({ name, attributes }) => [name, attributes?.caption]) };
    };
    const tars = { captions: [['more.tar/x.png', 'gold']], rejects: [] };
    expect(await read('photos/tars')).toMatchObject(tars);
    const whole = await read('photos');
    expect(whole.captions).toEqual([
      ['a b+c 100%.png', 'red'],
      ['ü/~*().png', undefined],
    ]);
    // Beside pictures, a tar may hold the same ones again.
    expect(whole.rejects).toEqual([expect.objectContaining({ name: 'tars/more.tar' })]);
    expect(await read('photos')).toEqual(whole);
    const outside = lab.executor.callEffect('import', { dataset: 'photos', s3: `s3://${bucket}/other` });
    await expect(outside).rejects.toThrow('lies outside the import buckets');
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
