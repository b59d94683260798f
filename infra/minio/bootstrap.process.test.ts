import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasMinio, openTestMinio } from '../../test/minio-tier.ts';
import { type BootstrapOptions, bootstrapMinio, connectMinio } from './bootstrap.ts';
import { makeCredentials } from './keys.ts';

describe.skipIf(!hasMinio)('the bootstrap', () => {
  let minio: Awaited<ReturnType<typeof openTestMinio>>;
  beforeAll(async () => {
    minio = await openTestMinio();
  });
  afterAll(() => minio.remove());

  const plan = (bucket: string): BootstrapOptions => ({
    endpoint: minio.endpoint,
    root: minio,
    bucket,
    easel: makeCredentials(),
    browse: makeCredentials(),
  });

  /** The outcome of a call: ok, or the error code of S3. */
  const outcome = (call: Promise<unknown>) => call.then(() => 'ok').catch(error => error.code);

  async function rightsOf(bucket: string, user: BootstrapOptions['easel']) {
    const client = connectMinio(minio.endpoint, user);
    const root = connectMinio(minio.endpoint, minio);
    await root.putObject(bucket, 'there', 'bytes');
    return {
      list: await outcome(client.listObjectsV2(bucket, '', true).toArray()),
      read: await outcome(client.getObject(bucket, 'there').then(text)),
      write: await outcome(client.putObject(bucket, 'new', 'bytes')),
      remove: await outcome(client.removeObject(bucket, 'there')),
      makeBucket: await outcome(client.makeBucket(`${bucket}-more`)),
      removeBucket: await outcome(client.removeBucket(bucket)),
      changePolicy: await outcome(client.setBucketLifecycle(bucket, null)),
    };
  }
  const denied = { makeBucket: 'AccessDenied', removeBucket: 'AccessDenied', changePolicy: 'AccessDenied' };

  test('bootstrap makes a user who may write and a user who may read; a second bootstrap changes nothing', async () => {
    const options = plan('works');
    await bootstrapMinio(options);
    await bootstrapMinio(options);
    const all = { list: 'ok', read: 'ok', write: 'ok', remove: 'ok', ...denied };
    expect(await rightsOf('works', options.easel)).toEqual(all);
    expect(await rightsOf('works', options.browse)).toEqual({ ...all, write: 'AccessDenied', remove: 'AccessDenied' });
  });

  test('neither user has a right in another bucket', async () => {
    const [mine, other] = [plan('mine'), plan('other')];
    await bootstrapMinio(mine);
    await bootstrapMinio(other);
    const none = Object.fromEntries(['list', 'read', 'write', 'remove'].map(call => [call, 'AccessDenied']));
    for (const user of [mine.easel, mine.browse]) {
      expect(await rightsOf('other', user)).toEqual({ ...none, ...denied });
    }
  });

  test('only objects of probes expire, and a bucket keeps the rules that it has', async () => {
    await bootstrapMinio(plan('expiring'));
    const client = connectMinio(minio.endpoint, minio);
    const rule = { Status: 'Enabled', Filter: { Prefix: 'probe/' }, Expiration: { Days: 1 } };
    expect(await client.getBucketLifecycle('expiring')).toEqual({ Rule: expect.objectContaining(rule) });

    const own = { ID: 'own', Status: 'Enabled', Filter: { Prefix: 'mine/' }, Expiration: { Days: 9 } };
    await client.setBucketLifecycle('expiring', { Rule: [own] });
    await bootstrapMinio(plan('expiring'));
    expect(await client.getBucketLifecycle('expiring')).toEqual({ Rule: expect.objectContaining({ ID: 'own' }) });
  });

  test('bootstrap replaces the secret of an existing user', async () => {
    const options = plan('rotated');
    await bootstrapMinio(options);
    const renewed = { ...options, easel: { ...options.easel, secretKey: makeCredentials().secretKey } };
    await bootstrapMinio(renewed);
    expect((await rightsOf('rotated', renewed.easel)).write).toBe('ok');
    expect((await rightsOf('rotated', options.easel)).write).toBe('SignatureDoesNotMatch');
  });

  test('a bootstrap cut off before or after any request is completed by the next', async () => {
    // It hands on so many requests; of the next one the answer is lost.
    let left = Number.POSITIVE_INFINITY;
    const proxy = createServer((incoming, outgoing) => {
      const { method, url: path, headers } = incoming;
      const onward = request({ host: '127.0.0.1', port: minio.port, method, path, headers }, answer => {
        if (left-- <= 0) return outgoing.destroy();
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    let cuts = 0;
    for (; ; cuts++) {
      const options = plan(`cut-${cuts}`);
      left = cuts;
      const whole = await bootstrapMinio({ ...options, endpoint }).then(
        () => true,
        () => false,
      );
      await bootstrapMinio(options);
      expect((await rightsOf(options.bucket, options.browse)).list).toBe('ok');
      expect((await rightsOf(options.bucket, options.easel)).write).toBe('ok');
      if (whole) break;
    }
    // Bucket: is it there, make it, its rules, set them; two users: policy, user, grant.
    expect(cuts).toBeGreaterThanOrEqual(10);
    proxy.close();
  });
});
