import { homedir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findLeaks } from '../testing/leaks.ts';
import { startTestEndpoint, type TestEndpoint } from './testing/endpoint.ts';
import { type RawRequest, type Signed, send, sign } from './testing/raw-client.ts';

let endpoint: TestEndpoint;

beforeAll(async () => {
  endpoint = await startTestEndpoint();
  await endpoint.store.put('foo/bar', Buffer.from('a'));
});
afterAll(() => endpoint.destroy());

const KEYS = [
  ...['foo', 'foo/bar/xyzzy', 'foo/bar', 'foo//bar', '..', '.easel/tmp/x', '%00', '%E9', '%FF%FE', '%F0%9F'],
  ...['a%2F..%2Fb', 'x'.repeat(300), `${'d/'.repeat(600)}x`, '%F4%8F%BF%BF', '%ED%A0%80'],
];
const REQUESTS: readonly Partial<RawRequest>[] = [
  {},
  { method: 'HEAD' },
  { method: 'DELETE' },
  { method: 'PUT', body: 'text' },
  { method: 'PUT', body: 'text', headers: { 'if-match': '"caf"', 'content-type': 'a/b' } },
  { method: 'PUT', body: 'text', headers: { 'if-none-match': '*' } },
  { method: 'PUT', headers: { 'x-amz-copy-source': '/easel/%E9' } },
  { method: 'PUT', body: 'text', headers: { 'x-amz-checksum-crc32': '%%%' } },
  { method: 'POST', body: '<\u00e9', headers: { 'content-type': 'application/xml' } },
  { headers: { range: 'bytes=9-1' } },
];
const QUERIES = [
  '?list-type=2&prefix=%E9',
  '?list-type=2&max-keys=-1',
  '?prefix=%FF&delimiter=%FE',
  '?uploads',
  '?delete',
  '?acl',
];

/** The signature of a target that has none is that of another: the endpoint reads the target first. */
function signAny(request: RawRequest): Signed {
  try {
    return sign(endpoint.url, request);
  } catch {
    return { ...sign(endpoint.url, { ...request, target: '/easel/any' }), target: request.target };
  }
}

test('no key, condition or body brings a path of the store or broken text', async () => {
  const secrets = [
    { text: endpoint.folder, what: 'the folder of the store' },
    { text: process.cwd(), what: 'the path of the program' },
    { text: homedir() === '/' ? '/root' : homedir(), what: 'the home folder' },
  ];
  const leaks: string[] = [];
  let refused = 0;
  const look = async (request: RawRequest) => {
    const { status, headers, text } = await send(endpoint.url, signAny(request));
    if (status >= 400) refused++;
    const found = findLeaks(`${JSON.stringify(headers)}\n${text}`, secrets);
    leaks.push(...found.map(leak => `${request.method ?? 'GET'} ${request.target.slice(0, 60)}: ${leak}`));
  };
  for (const request of REQUESTS) {
    for (const key of KEYS) await look({ ...request, target: `/easel/${key}` });
    for (const query of QUERIES) await look({ ...request, target: `/easel${query}` });
  }
  expect(leaks).toEqual([]);
  expect(refused).toBeGreaterThan(100);
});
