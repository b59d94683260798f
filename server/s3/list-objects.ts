/** @file ListObjectsV2, and ListObjects (version 1), which rclone and s3cmd still begin with. */
import { LAST_CHARACTER } from '../../storage/keys.ts';
import type { ListResult, ObjectStore } from '../../storage/types.ts';
import { S3Error } from './errors.ts';
import { formatEtag } from './etag.ts';
import { encodeUri, queryValue, type S3Request } from './request.ts';
import { buildXml, type XmlValue } from './xml.ts';

const MAX_KEYS = 1000;

/** The owner of all objects. */
export const OWNER = { ID: 'easel', DisplayName: 'easel' } as const;

interface ListRequest {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly maxKeys: number;
  /** Form of names in the answer: percent-encoded, or unchanged. */
  readonly encode: (name: string) => string;
  readonly encodingType: 'url' | undefined;
}

/** @throws S3Error InvalidArgument */
export async function listObjectsV2(store: ObjectStore, bucket: string, request: S3Request): Promise<string> {
  const list = readListRequest(request);
  const token = queryValue(request, 'continuation-token');
  const startAfter = queryValue(request, 'start-after');
  const page = await readPage(store, list, token === undefined ? startAfter : decodeToken(token));
  return buildXml('ListBucketResult', {
    ...describeList(bucket, list, page),
    StartAfter: startAfter === undefined ? undefined : list.encode(startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : encodeToken(page.next),
    KeyCount: page.objects.length + page.prefixes.length,
    ...describeEntries(list, page, queryValue(request, 'fetch-owner') === 'true'),
  });
}

/** @throws S3Error InvalidArgument */
export async function listObjects(store: ObjectStore, bucket: string, request: S3Request): Promise<string> {
  const list = readListRequest(request);
  const marker = queryValue(request, 'marker') ?? '';
  // If the last answer ended with a common prefix, the client sends it as the marker. It stands for all its keys.
  const isPrefix = list.delimiter !== undefined && marker.startsWith(list.prefix) && marker.endsWith(list.delimiter);
  const page = await readPage(store, list, isPrefix ? marker + LAST_CHARACTER : marker);
  const next = page.next?.replace(LAST_CHARACTER, '');
  return buildXml('ListBucketResult', {
    ...describeList(bucket, list, page),
    Marker: list.encode(marker),
    NextMarker: next === undefined ? undefined : list.encode(next),
    ...describeEntries(list, page, true),
  });
}

function readListRequest(request: S3Request): ListRequest {
  const encoding = queryValue(request, 'encoding-type') || undefined;
  if (encoding !== undefined && encoding !== 'url') throw invalid('encoding-type', 'url');
  const maxKeys = queryValue(request, 'max-keys') || String(MAX_KEYS);
  if (!/^\d{1,9}$/.test(maxKeys)) throw invalid('max-keys', '0 to 2147483647');
  return {
    prefix: queryValue(request, 'prefix') ?? '',
    delimiter: queryValue(request, 'delimiter') || undefined,
    maxKeys: Math.min(Number(maxKeys), MAX_KEYS),
    // S3 does not encode "/" here.
    encode: encoding === 'url' ? name => name.split('/').map(encodeUri).join('/') : name => name,
    encodingType: encoding,
  };
}

async function readPage(store: ObjectStore, list: ListRequest, after: string | undefined): Promise<ListResult> {
  if (list.maxKeys === 0) return { objects: [], prefixes: [] };
  return store.list(list.prefix, {
    limit: list.maxKeys,
    ...(after !== undefined && { after }),
    ...(list.delimiter !== undefined && { delimiter: list.delimiter }),
  });
}

function describeList(bucket: string, list: ListRequest, page: ListResult): Record<string, XmlValue> {
  return {
    Name: bucket,
    Prefix: list.encode(list.prefix),
    Delimiter: list.delimiter === undefined ? undefined : list.encode(list.delimiter),
    MaxKeys: list.maxKeys,
    EncodingType: list.encodingType,
    IsTruncated: page.next !== undefined,
  };
}

function describeEntries(list: ListRequest, page: ListResult, withOwner: boolean): Record<string, XmlValue> {
  return {
    Contents: page.objects.map(({ key, lastModified, etag, size }) => ({
      Key: list.encode(key),
      LastModified: lastModified.toISOString(),
      ETag: formatEtag(etag),
      Size: size,
      StorageClass: 'STANDARD',
      Owner: withOwner ? OWNER : undefined,
    })),
    CommonPrefixes: page.prefixes.map(prefix => ({ Prefix: list.encode(prefix) })),
  };
}

/** An opaque token of characters that need no escaping anywhere. */
function encodeToken(next: string): string {
  return Buffer.from(next).toString('base64url');
}

function decodeToken(token: string): string {
  const next = Buffer.from(token, 'base64url').toString();
  if (token === '' || encodeToken(next) !== token) throw invalid('continuation-token', 'one that this endpoint gave');
  return next;
}

function invalid(parameter: string, expected: string): S3Error {
  return new S3Error('InvalidArgument', `${parameter} is wrong: expected ${expected}`);
}
