import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../errors.ts';
import { parseS3Url } from './url.ts';

describe('S3 URLs', () => {
  it.each([
    ['s3://bucket', { bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { bucket: 'bucket', prefix: '' }, 's3://bucket'],
    ['s3://my.bucket-1/a/b', { bucket: 'my.bucket-1', prefix: 'a/b/' }],
    ['s3://bucket/a%20b/%C3%A4/', { bucket: 'bucket', prefix: 'a b/ä/' }, 's3://bucket/a%20b/%C3%A4'],
    ['s3://bucket?region=eu-west-1', { bucket: 'bucket', prefix: '', region: 'eu-west-1' }],
    [
      's3://bucket/p?region=garage&endpoint=http://127.0.0.1:9000/',
      { bucket: 'bucket', prefix: 'p/', endpoint: 'http://127.0.0.1:9000', region: 'garage' },
      's3://bucket/p?endpoint=http://127.0.0.1:9000&region=garage',
    ],
    [
      's3://bucket?endpoint=https%3A%2F%2Fs3.example.org%2Fbase',
      { bucket: 'bucket', prefix: '', endpoint: 'https://s3.example.org/base' },
      's3://bucket?endpoint=https://s3.example.org/base',
    ],
  ])('reads %s', (text, location, url = text) => {
    expect(parseS3Url(text)).toEqual({ ...location, url });
    expect(parseS3Url(url)).toEqual({ ...location, url });
  });

  it.each([
    ['s3:', 'cannot be the name of a bucket'],
    ['s3://', 'cannot be the name of a bucket'],
    ['s3://ab', 'cannot be the name of a bucket'],
    ['s3://Bucket', 'cannot be the name of a bucket'],
    ['s3://bucket:9000', 'a port or a fragment'],
    ['s3://bucket#x', 'a port or a fragment'],
    ['s3://bucket/a//b', 'prefix'],
    ['s3://bucket/.easel', 'prefix'],
    ['s3://bucket/%ff', 'percent-encoded'],
    ['s3://bucket?endpoint=127.0.0.1:9000', 'not an HTTP URL'],
    ['s3://bucket?endpoint=ftp://host', 'not an HTTP URL'],
    ['s3://bucket?endpoint=http://host?x=y', 'endpoint of the S3 store has a query, a fragment or an odd path'],
    ['s3://bucket?endpoint=http://host/a%26b', 'endpoint of the S3 store has a query, a fragment or an odd path'],
    ['s3://bucket?endpoint=http://host&endpoint=http://other', 'two of "endpoint"'],
    ['s3://bucket?region=EU', 'region'],
    ['s3://bucket?acces_key=x', 'unknown parameter "acces_key"'],
  ])('refuses %s', (text, problem) => {
    expect(() => parseS3Url(text)).toThrow(InvalidInput);
    expect(() => parseS3Url(text)).toThrow(problem);
  });

  it.each([
    's3://AKIA:hunter2@bucket',
    's3://hunter2@bucket',
    's3://a:hunter2@bu^cket',
    's3://bucket?secret_access_key=hunter2',
    's3://bucket?endpoint=http://key:hunter2@host',
    's3://bucket?endpoint=http://host&region=hunter2!',
  ])('does not repeat the secret of %s', text => {
    let error: unknown;
    try {
      parseS3Url(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidInput);
    const { message, expected, hint } = error as InvalidInput;
    expect([message, expected, hint].join()).not.toContain('hunter2');
    expect(hint).toContain('AWS_ACCESS_KEY_ID');
  });
});
