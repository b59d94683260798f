/** @file Finds the operation that a request asks for, in path style only. */
import { notImplemented, S3Error } from './errors.ts';
import { queryValue, type S3Request } from './request.ts';
import { refuseUnsupported } from './unsupported.ts';

export type Operation =
  | { readonly name: 'ListBuckets' | 'HeadBucket' | 'GetBucketLocation' }
  | { readonly name: 'ListObjects' | 'ListObjectsV2' | 'DeleteObjects' }
  | { readonly name: 'GetObject' | 'HeadObject' | 'PutObject' | 'DeleteObject'; readonly key: string }
  | { readonly name: 'CopyObject'; readonly key: string; readonly from: string };

/** @throws S3Error NoSuchBucket, MethodNotAllowed, NotImplemented with the operation's name. */
export function parseOperation(request: S3Request, bucket: string): Operation {
  const [, name = '', key = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(request.path) ?? [];
  const { method } = request;
  if (name === '') {
    if (key === '' && method === 'GET') return { name: 'ListBuckets' };
    throw new S3Error('MethodNotAllowed', `${method} is not for the list of buckets`);
  }
  const level = key === '' ? 'Bucket' : 'Object';
  if (level === 'Bucket' && method === 'PUT' && request.query.every(([parameter]) => parameter === 'x-id')) {
    throw createBucket(name, bucket);
  }
  refuseUnsupported(request, level);
  if (name !== bucket) {
    throw new S3Error(
      'NoSuchBucket',
      `there is no bucket "${name.slice(0, 100)}": the only one is "${bucket}", in the path`,
    );
  }
  const operation = level === 'Bucket' ? parseBucketOperation(request) : parseObjectOperation(request, key, bucket);
  if (operation === undefined) throw new S3Error('MethodNotAllowed', `${method} is not for this`);
  return operation;
}

function parseBucketOperation(request: S3Request): Operation | undefined {
  switch (request.method) {
    case 'HEAD':
      return { name: 'HeadBucket' };
    case 'GET':
      if (queryValue(request, 'location') !== undefined) return { name: 'GetBucketLocation' };
      return { name: queryValue(request, 'list-type') === '2' ? 'ListObjectsV2' : 'ListObjects' };
    case 'POST':
      return queryValue(request, 'delete') === undefined ? undefined : { name: 'DeleteObjects' };
    default:
      return undefined;
  }
}

function parseObjectOperation(request: S3Request, key: string, bucket: string): Operation | undefined {
  switch (request.method) {
    case 'GET':
      return { name: 'GetObject', key };
    case 'HEAD':
      return { name: 'HeadObject', key };
    case 'DELETE':
      return { name: 'DeleteObject', key };
    case 'PUT': {
      const source = request.headers.get('x-amz-copy-source');
      return source === null
        ? { name: 'PutObject', key }
        : { name: 'CopyObject', key, from: parseSource(source, bucket) };
    }
    default:
      return undefined;
  }
}

/** Some clients (rclone) create the bucket before they write. They go on if the answer says that they own it. */
function createBucket(name: string, bucket: string): S3Error {
  if (name !== bucket) return notImplemented('CreateBucket', `the only bucket is "${bucket}"`);
  return new S3Error('BucketAlreadyOwnedByYou', `the bucket "${bucket}" is there already`);
}

/** Parses `/bucket/key` or `bucket/key`, percent-encoded, with or without a version. */
function parseSource(source: string, bucket: string): string {
  const [path = '', version = 'null'] = source.split('?versionId=');
  let decoded: string;
  try {
    decoded = decodeURIComponent(path).replace(/^\//, '');
  } catch {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source is not percent-encoded UTF-8');
  }
  if (version === 'null' && decoded.startsWith(`${bucket}/`)) return decoded.slice(bucket.length + 1);
  throw new S3Error(
    'InvalidArgument',
    `x-amz-copy-source must be /${bucket}/KEY, percent-encoded and without a version`,
  );
}
