import { describe, expect, it, test } from 'vitest';
import { parseOperation } from './protocol.ts';
import { parseRequest } from './request.ts';

const parse = (line: string, headers: Record<string, string> = {}) => {
  const [method = '', target = ''] = line.split(' ');
  return parseOperation(parseRequest(method, target, new Headers(headers)), 'easel');
};

test.each([
  ['GET /', { name: 'ListBuckets' }],
  ['HEAD /easel', { name: 'HeadBucket' }],
  ['GET /easel?location', { name: 'GetBucketLocation' }],
  ['GET /easel', { name: 'ListObjects' }],
  ['GET /easel/?list-type=2&prefix=a', { name: 'ListObjectsV2' }],
  ['POST /easel?delete', { name: 'DeleteObjects' }],
  ['GET /easel/a/b', { name: 'GetObject', key: 'a/b' }],
  ['GET /easel/a?x-id=GetObject&versionId=null', { name: 'GetObject', key: 'a' }],
  ['HEAD /easel/a%2Fb+c%20d%3Fe', { name: 'HeadObject', key: 'a/b+c d?e' }],
  ['PUT /easel//a', { name: 'PutObject', key: '/a' }],
  ['PUT /easel/a/../../b', { name: 'PutObject', key: 'a/../../b' }],
  ['DELETE /easel/%2e%2e/x', { name: 'DeleteObject', key: '../x' }],
  ['DELETE /easel/a/', { name: 'DeleteObject', key: 'a/' }],
])('a request for an operation: %s', (line, operation) => {
  expect(parse(line)).toEqual(operation);
});

describe('copies', () => {
  it('a copy has its source in a header', () => {
    for (const source of ['/easel/a%20b/c', 'easel/a%20b/c', '/easel/a%20b/c?versionId=null']) {
      const copy = parse('PUT /easel/to', { 'x-amz-copy-source': source });
      expect(copy).toEqual({ name: 'CopyObject', key: 'to', from: 'a b/c' });
    }
    for (const source of ['/other/a', 'easel', '/easel/a?versionId=3', '%']) {
      const copy = () => parse('PUT /easel/to', { 'x-amz-copy-source': source });
      expect(copy).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
    }
  });
});

test.each([
  ['POST /easel/a?uploads', 'CreateMultipartUpload is not supported: an object is sent in one request'],
  ['PUT /easel/a?partNumber=1&uploadId=x', 'UploadPart'],
  ['GET /easel/a?uploadId=x', 'ListParts'],
  ['POST /easel/a?uploadId=x', 'CompleteMultipartUpload'],
  ['DELETE /easel/a?uploadId=x', 'AbortMultipartUpload'],
  ['GET /easel?uploads', 'ListMultipartUploads'],
  ['GET /easel?versions', 'ListObjectVersions'],
  ['GET /easel?versioning', 'GetBucketVersioning'],
  ['PUT /easel?policy', 'PutBucketPolicy'],
  ['DELETE /easel?cors', 'DeleteBucketCors'],
  ['GET /easel/a?acl', 'GetObjectAcl'],
  ['PUT /easel/a?tagging', 'PutObjectTagging'],
  ['GET /easel/a?attributes', 'GetObjectAttributes'],
  ['POST /easel/a?select&select-type=2', 'SelectObjectContent'],
  ['GET /easel/a?versionId=3', 'versionId'],
  ['GET /easel/a?partNumber=2', 'GetObject of a part'],
  ['GET /easel/a?response-content-type=text/html', 'response-content-type'],
  ['PUT /other', 'CreateBucket'],
  ['DELETE /easel', 'DeleteBucket'],
  ['POST /easel', 'PostObject'],
])('answers 501 to %s and names %s', (line, name) => {
  expect(() => parse(line)).toThrow(
    expect.objectContaining({ code: 'NotImplemented', message: expect.stringMatching(`^${name}`) }),
  );
});

test.each([
  ['PUT', { 'x-amz-acl': 'public-read' }],
  ['PUT', { 'x-amz-tagging': 'a=b' }],
  ['PUT', { 'x-amz-server-side-encryption': 'AES256' }],
  ['PUT', { 'content-encoding': 'gzip' }],
  ['PUT', { 'content-encoding': 'aws-chunked,gzip' }],
  ['PUT', { 'x-amz-copy-source': '/easel/a', 'x-amz-metadata-directive': 'REPLACE' }],
  ['PUT', { 'x-amz-copy-source': '/easel/a', 'x-amz-copy-source-if-match': 'x' }],
  ['PUT', { 'x-amz-copy-source': '/easel/a', 'if-none-match': '*' }],
  ['DELETE', { 'if-match': '"x"' }],
  ['GET', { 'x-amz-security-token': 'x' }],
])('answers 501 to %s with %j', (method, headers) => {
  expect(() => parse(`${method} /easel/x`, headers)).toThrow(expect.objectContaining({ code: 'NotImplemented' }));
});

test('headers and parameters without an effect are accepted', () => {
  const headers = {
    'x-amz-acl': 'private',
    'content-encoding': 'aws-chunked',
    'x-amz-meta-mtime': '1',
    'cache-control': 'x',
  };
  expect(parse('PUT /easel/x', headers)).toEqual({ name: 'PutObject', key: 'x' });
});

test.each([
  ['GET /other', 'NoSuchBucket'],
  ['GET /easel.example/x', 'NoSuchBucket'],
  ['PUT /easel', 'BucketAlreadyOwnedByYou'],
  ['PUT /', 'MethodNotAllowed'],
  ['GET //easel/x', 'MethodNotAllowed'],
  ['PATCH /easel/x', 'MethodNotAllowed'],
  ['GET /easel/%', 'InvalidURI'],
  ['GET /easel/%ff', 'InvalidURI'],
  ['GET /easel?prefix=%zz', 'InvalidURI'],
  ['GET *', 'InvalidURI'],
])('refuses %s: %s', (line, code) => {
  expect(() => parse(line)).toThrow(expect.objectContaining({ code }));
});
