/**
 * @file The worked examples of Amazon's documentation ("Authenticating Requests (AWS Signature Version 4)", and its
 * streaming parts).
 */
import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { authenticate } from './authenticate.ts';
import { parseRequest } from './request.ts';
import { type ChunkSigning, canonicalRequest, deriveSigningKey, signChunk, signTrailers } from './sigv4.ts';

const CREDENTIALS = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const SCOPE = '20130524/us-east-1/s3/aws4_request';
const TIMESTAMP = '20130524T000000Z';
const NOW = Date.UTC(2013, 4, 24);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface Example {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signature: string;
}

const virtual = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': TIMESTAMP };
const chunked = {
  host: 's3.amazonaws.com',
  'x-amz-date': TIMESTAMP,
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  'x-amz-decoded-content-length': '66560',
  'content-encoding': 'aws-chunked',
};
const EXAMPLES: Readonly<Record<string, Example>> = {
  'GET Object': {
    method: 'GET',
    target: '/test.txt',
    headers: { ...virtual, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY },
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  'PUT Object': {
    method: 'PUT',
    target: '/test$file.text',
    headers: {
      ...virtual,
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': sha256('Welcome to Amazon S3.'),
    },
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  'GET Bucket Lifecycle': {
    method: 'GET',
    target: '/?lifecycle',
    headers: { ...virtual, 'x-amz-content-sha256': EMPTY },
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  'Get Bucket (List Objects)': {
    method: 'GET',
    target: '/?prefix=J&max-keys=2',
    headers: { ...virtual, 'x-amz-content-sha256': EMPTY },
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
  'chunked upload': {
    method: 'PUT',
    target: '/examplebucket/chunkObject.txt',
    headers: {
      ...chunked,
      'content-length': '66824',
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    },
    signature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  },
  'chunked upload with trailers': {
    method: 'PUT',
    target: '/examplebucket/chunkObject.txt',
    headers: {
      ...chunked,
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    },
    signature: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  },
};

function requestOf({ method, target, headers, signature }: Example) {
  const signedHeaders = Object.keys(headers).sort().join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${CREDENTIALS.accessKey}/${SCOPE},SignedHeaders=${signedHeaders},Signature=${signature}`;
  return parseRequest(method, target, new Headers({ ...headers, authorization }));
}

describe('requests', () => {
  test.each(Object.entries(EXAMPLES))('%s', (_, example) => {
    expect(authenticate(requestOf(example), CREDENTIALS, NOW).signing.seedSignature).toBe(example.signature);
    const other = { ...example, signature: example.signature.replace(/.$/, digit => (digit === '0' ? '1' : '0')) };
    expect(() => authenticate(requestOf(other), CREDENTIALS, NOW)).toThrow('the signature does not match');
  });

  it('signs the presigned URL of the S3 reference', () => {
    const target = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(`${CREDENTIALS.accessKey}/${SCOPE}`)}&X-Amz-Date=${TIMESTAMP}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;
    const request = parseRequest('GET', target, new Headers({ host: virtual.host }));
    for (const late of [0, 86_400_000]) {
      expect(authenticate(request, CREDENTIALS, NOW + late).payload).toEqual({ kind: 'plain' });
    }
    expect(() => authenticate(request, CREDENTIALS, NOW + 86_400_001)).toThrow('expired');
    expect(() => authenticate(request, CREDENTIALS, NOW - 15 * 60_000 - 1)).toThrow('15 minutes');
  });

  it('equal requests have one canonical form', () => {
    const request = parseRequest(
      'PUT',
      "/b/%C3%A4+%2f'(*)%20~?z&a=2&a=1&a%3D=0&aa=%2B+x",
      new Headers({ host: 'h', 'x-amz-meta-x': '  two   words ' }),
    );
    expect(canonicalRequest(request, ['host', 'x-amz-meta-x'], 'UNSIGNED-PAYLOAD')).toBe(
      'PUT\n/b/%C3%A4%2B/%27%28%2A%29%20~\na=1&a=2&a%3D=0&aa=%2B%20x&z=\nhost:h\nx-amz-meta-x:two words\n\nhost;x-amz-meta-x\nUNSIGNED-PAYLOAD',
    );
  });
});

describe('bodies', () => {
  const key = deriveSigningKey(CREDENTIALS.secretKey, SCOPE);
  const chain = (seedSignature: string) => {
    const signing: ChunkSigning = { timestamp: TIMESTAMP, scope: SCOPE, key, seedSignature };
    const signatures = [seedSignature];
    for (const bytes of ['a'.repeat(65_536), 'a'.repeat(1024), '']) {
      signatures.push(signChunk(signing, signatures.at(-1) ?? '', sha256(bytes)));
    }
    return { signing, signatures: signatures.slice(1) };
  };

  it('signs the chunks of the S3 reference', () => {
    expect(chain(EXAMPLES['chunked upload']?.signature ?? '').signatures).toEqual([
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ]);
  });

  it('signs the chunks and trailers of the S3 reference', () => {
    const { signing, signatures } = chain(EXAMPLES['chunked upload with trailers']?.signature ?? '');
    expect(signatures).toEqual([
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ]);
    expect(signTrailers(signing, signatures[2] ?? '', 'x-amz-checksum-crc32c:sOO8/Q==\n')).toBe(
      'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
    );
  });
});
