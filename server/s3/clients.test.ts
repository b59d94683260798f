/** @file What clients of S3 do with their default settings: the AWS SDK and the `minio` client. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Client } from 'minio';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { startTestEndpoint, TEST_CREDENTIALS, type TestEndpoint } from './testing/endpoint.ts';

let endpoint: TestEndpoint;
beforeAll(async () => {
  endpoint = await startTestEndpoint();
});
afterAll(() => endpoint.destroy());
beforeEach(async () => {
  for (const { key } of (await endpoint.store.list('')).objects) await endpoint.store.delete(key);
});

const Bucket = 'easel';
const stored = async (key: string) => Buffer.from((await endpoint.store.get(key))?.body ?? []).toString();
const put = (key: string, body = key) => endpoint.store.put(key, Buffer.from(body));

describe('the AWS SDK with its default settings', () => {
  let client: S3Client;
  beforeAll(() => {
    const credentials = { accessKeyId: TEST_CREDENTIALS.accessKey, secretAccessKey: TEST_CREDENTIALS.secretKey };
    // The defaults, set explicitly: the environment may have other values.
    client = new S3Client({
      endpoint: endpoint.url,
      region: 'eu-west-1',
      forcePathStyle: true,
      credentials,
      requestChecksumCalculation: 'WHEN_SUPPORTED',
      responseChecksumValidation: 'WHEN_SUPPORTED',
    });
  });
  afterAll(() => client.destroy());
  const codeOf = (answer: Promise<unknown>) =>
    answer.then(
      () => 'none',
      error => (error instanceof S3ServiceException ? error.name : error),
    );

  it('the AWS SDK puts bytes with a checksum in a header, and streams with one in a trailer', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'a/bytes.txt', Body: 'hello' }));
    expect(await stored('a/bytes.txt')).toBe('hello');
    const large = randomBytes(3_000_001);
    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'a/stream',
        Body: Readable.from([large.subarray(0, 100_000), large.subarray(100_000)]),
        ContentLength: large.length,
        ContentType: 'image/x-test',
      }),
    );
    const got = await endpoint.store.get('a/stream');
    expect([got?.size, got?.mediaType]).toEqual([large.length, 'image/x-test']);
    expect(digestOf(got?.body ?? '')).toBe(digestOf(large));
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'a/stream' }));
    expect(answer).toMatchObject({ ContentLength: large.length, ContentType: 'image/x-test' });
    expect(answer.ChecksumSHA256).toBe(createHash('sha256').update(large).digest('base64'));
    expect(digestOf((await answer.Body?.transformToByteArray()) ?? '')).toBe(digestOf(large));
  });

  it('the endpoint checks every algorithm of the AWS SDK, in headers and in trailers', async () => {
    const known = ['CRC32', 'CRC32C', 'CRC64NVME', 'MD5', 'SHA1', 'SHA256'] as const;
    for (const ChecksumAlgorithm of known) {
      const Key = `sum/${ChecksumAlgorithm}`;
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'bytes', ChecksumAlgorithm }));
      expect(await stored(Key)).toBe('bytes');
      const Body = Readable.from([Buffer.from('a stream '), Buffer.from('of bytes')]);
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength: 17, ChecksumAlgorithm }));
      expect(await stored(Key)).toBe('a stream of bytes');
    }
    const unknown = client.send(
      new PutObjectCommand({ Bucket, Key: 'x', Body: '1', ChecksumXXHASH64: 'AAAAAAAAAAA=' }),
    );
    expect(await codeOf(unknown)).toBe('NotImplemented');
  });

  it('a stream with a wrong trailer is refused, and the old object stays', async () => {
    await put('kept', 'before');
    const command = new PutObjectCommand({ Bucket, Key: 'kept', Body: 'after', ChecksumSHA256: digest('before') });
    expect(await codeOf(client.send(command))).toBe('BadDigest');
    const md5 = new PutObjectCommand({ Bucket, Key: 'kept', Body: 'after', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' });
    expect(await codeOf(client.send(md5))).toBe('BadDigest');
    expect(await stored('kept')).toBe('before');
    expect((await endpoint.store.list('')).objects).toHaveLength(1);
  });
  const digest = (body: string) => createHash('sha256').update(body).digest('base64');

  it('the AWS SDK reads ranges and on conditions', async () => {
    await put('x', '0123456789');
    const get = (input: object) => client.send(new GetObjectCommand({ Bucket, Key: 'x', ...input }));
    const ranges = {
      'bytes=2-4': '234',
      'bytes=7-': '789',
      'bytes=-3': '789',
      'bytes=5-99': '56789',
      'bytes=-99': '0123456789',
    };
    for (const [Range, expected] of Object.entries(ranges)) {
      const answer = await get({ Range });
      expect([answer.$metadata.httpStatusCode, await answer.Body?.transformToString()]).toEqual([206, expected]);
      expect(answer.ContentRange).toMatch(/^bytes \d-9\/10$|^bytes 2-4\/10$/);
    }
    for (const Range of ['bytes=4-2', 'bytes=1-2,4-5', 'lines=1-2', 'bytes=-']) {
      expect((await get({ Range })).$metadata.httpStatusCode).toBe(200);
    }
    expect(await codeOf(get({ Range: 'bytes=10-' }))).toBe('InvalidRange');
    expect(await codeOf(get({ Range: 'bytes=-0' }))).toBe('InvalidRange');
    const { ETag, LastModified } = await client.send(new HeadObjectCommand({ Bucket, Key: 'x' }));
    const later = new Date((LastModified?.getTime() ?? 0) + 1000);
    const earlier = new Date((LastModified?.getTime() ?? 0) - 1000);
    const statusOf = (input: object) =>
      get(input).then(
        answer => answer.$metadata.httpStatusCode,
        error => error.$metadata.httpStatusCode,
      );
    expect(await statusOf({ IfMatch: ETag })).toBe(200);
    expect(await statusOf({ IfMatch: '"other-1"' })).toBe(412);
    expect(await statusOf({ IfNoneMatch: ETag })).toBe(304);
    expect(await statusOf({ IfNoneMatch: `"other-1", W/${ETag}` })).toBe(304);
    expect(await statusOf({ IfNoneMatch: '"other-1"', IfModifiedSince: later })).toBe(200);
    expect(await statusOf({ IfModifiedSince: LastModified })).toBe(304);
    expect(await statusOf({ IfModifiedSince: earlier })).toBe(200);
    expect(await statusOf({ IfUnmodifiedSince: earlier })).toBe(412);
    expect(await statusOf({ IfUnmodifiedSince: LastModified })).toBe(200);
    expect(await statusOf({ IfMatch: ETag, IfUnmodifiedSince: earlier })).toBe(200);
  });

  it('the AWS SDK writes on conditions and gets the codes of S3', async () => {
    const write = (input: object) => client.send(new PutObjectCommand({ Bucket, Key: 'c', Body: 'x', ...input }));
    expect(await codeOf(write({ IfMatch: '"none-1"' }))).toBe('NoSuchKey');
    const { ETag } = await write({ IfNoneMatch: '*' });
    expect(await codeOf(write({ IfNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await codeOf(write({ IfMatch: '"none"' }))).toBe('PreconditionFailed');
    expect(await codeOf(write({ IfNoneMatch: ETag }))).toBe('PreconditionFailed');
    await write({ IfMatch: ETag, Body: 'y' });
    expect(await stored('c')).toBe('y');
    expect(await codeOf(write({ IfMatch: ETag }))).toBe('PreconditionFailed');
    await write({ IfNoneMatch: ETag, Body: 'z' });
    await write({ IfMatch: '*', Body: `${await stored('c')}!` });
    expect(await stored('c')).toBe('z!');
    expect(await codeOf(write({ IfMatch: '*', Key: 'd' }))).toBe('NoSuchKey');
    await write({ IfNoneMatch: ETag, Key: 'd', Body: 'new' });
    expect(await stored('d')).toBe('new');
    expect(await codeOf(write({ IfMatch: '*', IfNoneMatch: '*' }))).toBe('PreconditionFailed');
  });

  it('a key below another key, or one with keys below, is refused by the names of both, without a path', async () => {
    const write = (Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    await write('foo/bar');
    await expect(write('foo/bar/xyzzy')).rejects.toThrow(/"foo\/bar\/xyzzy" lies below the key "foo\/bar"/);
    await expect(write('foo')).rejects.toThrow(/"foo" is a folder of other keys, such as "foo\/bar"/);
    for (const key of ['foo/bar/xyzzy', 'foo']) {
      await expect(write(key)).rejects.not.toThrow(endpoint.folder);
      expect(await codeOf(write(key))).toBe('InvalidArgument');
    }
  });

  it('the AWS SDK lists by both versions, with delimiter and pages', async () => {
    const keys = ['a b+c/1', 'a b+c/2', 'a/1', 'ä&<>"/x', 'z'];
    for (const key of keys) await put(key);
    for (const EncodingType of [undefined, 'url'] as const) {
      const decode = (name = '') => (EncodingType ? decodeURIComponent(name) : name);
      const input = { Bucket, Delimiter: '/', MaxKeys: 1, ...(EncodingType && { EncodingType }) };
      const found: string[] = [];
      for (let token: string | undefined, more = true; more; ) {
        const page = await client.send(
          new ListObjectsV2Command({ ...input, ...(token && { ContinuationToken: token }) }),
        );
        expect(page.KeyCount).toBe(1);
        found.push(...(page.Contents ?? []).map(each => decode(each.Key)));
        found.push(...(page.CommonPrefixes ?? []).map(each => decode(each.Prefix)));
        [token, more] = [page.NextContinuationToken, page.IsTruncated === true];
      }
      const old: string[] = [];
      for (let marker = '', more = true; more; ) {
        const page = await client.send(new ListObjectsCommand({ ...input, Marker: marker }));
        old.push(...(page.Contents ?? []).map(each => decode(each.Key)));
        old.push(...(page.CommonPrefixes ?? []).map(each => decode(each.Prefix)));
        [marker, more] = [decode(page.NextMarker), page.IsTruncated === true];
      }
      expect(found).toEqual(['a b+c/', 'a/', 'z', 'ä&<>"/']);
      expect(old).toEqual(found);
    }
    const owned = await client.send(
      new ListObjectsV2Command({ Bucket, FetchOwner: true, StartAfter: 'a/1', Prefix: '' }),
    );
    expect(owned.Contents?.map(each => [each.Key, each.Owner?.ID, each.Size])).toEqual([
      ['z', 'easel', 1],
      ['ä&<>"/x', 'easel', 8],
    ]);
    const none = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
    expect([none.KeyCount, none.IsTruncated]).toEqual([0, false]);
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket, MaxKeys: -1 })))).toBe('InvalidArgument');
    expect(await codeOf(client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: '%' })))).toBe(
      'InvalidArgument',
    );
    expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: '../../storage/' }))).KeyCount).toBe(0);
    expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: '.easel/' }))).KeyCount).toBe(0);
  });

  it('DeleteObjects deletes many objects and answers for each', async () => {
    const odd = [' a ', 'b&<c>"\'', 'd/😀', '&amp;', 'e'];
    for (const key of odd) await put(key);
    const remove = (Objects: { Key: string; ETag?: string }[], Quiet = false) =>
      client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet } }));
    const all = await remove([...odd, 'absent', '../x'].map(Key => ({ Key })));
    expect(all.Deleted?.map(each => each.Key)).toEqual([...odd, 'absent']);
    expect(all.Errors?.map(each => [each.Key, each.Code])).toEqual([['../x', 'InvalidArgument']]);
    expect((await endpoint.store.list('')).objects).toEqual([]);
    await put('f');
    const quiet = await remove([{ Key: 'f' }], true);
    expect([quiet.Deleted, quiet.Errors, await endpoint.store.head('f')]).toEqual([undefined, undefined, undefined]);
    await put('g');
    expect((await remove([{ Key: 'g', ETag: 'x' }])).Errors?.[0]?.Code).toBe('NotImplemented');
    expect(await codeOf(remove(Array.from({ length: 1001 }, (_, i) => ({ Key: `${i}` }))))).toBe('MalformedXML');
    expect(await stored('g')).toBe('g');
  });

  it('the AWS SDK finds the bucket and no other', async () => {
    expect((await client.send(new ListBucketsCommand({}))).Buckets?.map(each => each.Name)).toEqual(['easel']);
    expect((await client.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
    expect((await client.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeUndefined();
    expect(await codeOf(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'a' })))).toBe('NoSuchBucket');
    expect(await codeOf(client.send(new HeadBucketCommand({ Bucket: 'other' })))).toBe('NotFound');
    expect(await codeOf(client.send(new GetObjectCommand({ Bucket, Key: 'none' })))).toBe('NoSuchKey');
    expect(await codeOf(client.send(new GetObjectCommand({ Bucket, Key: 'none/' })))).toBe('NoSuchKey');
  });

  it('the AWS SDK cannot put wrong bytes under the key of a blob', async () => {
    const Key = blobKey(digestOf('true'));
    expect(await codeOf(client.send(new PutObjectCommand({ Bucket, Key, Body: 'false' })))).toBe('BadDigest');
    await client.send(new PutObjectCommand({ Bucket, Key, Body: 'true' }));
    expect(await stored(Key)).toBe('true');
  });
});

describe('the minio client', () => {
  let client: Client;
  beforeAll(() => {
    const { hostname, port } = new URL(endpoint.url);
    client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...TEST_CREDENTIALS });
  });

  it('the minio client writes, reads, lists and removes objects', async () => {
    expect([await client.bucketExists('easel'), await client.bucketExists('other')]).toEqual([true, false]);
    expect((await client.listBuckets()).map(each => each.name)).toEqual(['easel']);
    const names = ['dir/a b.txt', 'dir/deep/ä+ö.txt', 'top.txt'];
    for (const name of names) {
      const body = Readable.from([Buffer.from('stream of '), Buffer.from(name)]);
      await client.putObject('easel', name, body, Buffer.byteLength(`stream of ${name}`), {
        'Content-Type': 'text/x-test',
      });
    }
    expect(await stored('dir/a b.txt')).toBe('stream of dir/a b.txt');
    const stat = await client.statObject('easel', 'dir/deep/ä+ö.txt');
    expect([stat.size, stat.metaData['content-type']]).toEqual([28, 'text/x-test']);
    expect(await text(await client.getObject('easel', 'top.txt'))).toBe('stream of top.txt');
    expect(await text(await client.getPartialObject('easel', 'top.txt', 10, 3))).toBe('top');

    const listed = await client.listObjectsV2('easel', '', true).toArray();
    expect(listed.map(each => each.name)).toEqual(names);
    const top = await client.listObjectsV2('easel', '', false).toArray();
    expect(top.map(each => each.name ?? each.prefix).sort()).toEqual(['dir/', 'top.txt']);
    const old = await client.listObjects('easel', 'dir/', true).toArray();
    expect(old.map(each => each.name)).toEqual(names.slice(0, 2));

    await client.removeObjects('easel', names.slice(0, 2));
    await client.removeObject('easel', 'top.txt');
    expect((await endpoint.store.list('')).objects).toEqual([]);
  });

  it('anybody can use a URL that the minio client presigned', async () => {
    const key = 'odd name & ä+%/x.txt';
    const putUrl = await client.presignedPutObject('easel', key, 60);
    expect((await fetch(putUrl, { method: 'PUT', body: 'presigned' })).status).toBe(200);
    const getUrl = await client.presignedGetObject('easel', key, 60);
    const answer = await fetch(getUrl);
    expect([answer.status, await answer.text()]).toEqual([200, 'presigned']);
    expect((await fetch(getUrl.replace('odd', 'even'))).status).toBe(403);
    expect((await fetch(getUrl, { method: 'DELETE' })).status).toBe(403);
  });
});
