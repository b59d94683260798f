import { expect, test } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { createTestServer, jsonOf, problemOf } from '../testing/server.ts';

const TEXT = 'the quick brown fox';
const DIGEST = digestOf(TEXT);
const { app, store, send } = createTestServer();

async function put(body: string | Uint8Array, type: string): Promise<Response> {
  return app.request('/objects', { method: 'POST', body: Buffer.from(body), headers: { 'content-type': type } });
}

async function get(headers: Readonly<Record<string, string>>): Promise<readonly [number, string, string | null]> {
  await put(TEXT, 'text/plain');
  const answer = await app.request(`/objects/${DIGEST}`, { headers });
  return [answer.status, await answer.text(), answer.headers.get('content-range')];
}

test('a blob comes back under its digest, with its media type', async () => {
  const stored = await put(TEXT, 'text/plain');
  expect(stored.status).toBe(201);
  expect(stored.headers.get('location')).toBe(`/objects/${DIGEST}`);
  expect(await jsonOf(stored)).toEqual({ digest: DIGEST, size: TEXT.length, media_type: 'text/plain' });
  const answer = await app.request(`/objects/${DIGEST}`);
  expect(await answer.text()).toBe(TEXT);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'text/plain',
    'content-length': String(TEXT.length),
    etag: `"${DIGEST}"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
  });
});

test('a body that curl sends as a form is stored as plain bytes', async () => {
  expect(await jsonOf(put('from curl', 'application/x-www-form-urlencoded'))).toMatchObject({
    media_type: 'application/octet-stream',
  });
});

test('ranges of a blob are answered as HTTP defines them', async () => {
  expect(await get({ range: 'bytes=4-8' })).toEqual([206, 'quick', 'bytes 4-8/19']);
  expect(await get({ range: 'bytes=16-' })).toEqual([206, 'fox', 'bytes 16-18/19']);
  expect(await get({ range: 'bytes=-3' })).toEqual([206, 'fox', 'bytes 16-18/19']);
  expect(await get({ range: 'bytes=0-9999' })).toEqual([206, TEXT, 'bytes 0-18/19']);
  expect(await get({ range: 'bytes=-9999' })).toEqual([206, TEXT, 'bytes 0-18/19']);
  expect(await get({ range: 'bytes=19-' })).toEqual([416, '', 'bytes */19']);
  expect(await get({ range: 'bytes=0-1,4-5' })).toEqual([200, TEXT, null]);
  expect(await get({ range: 'lines=0-1' })).toEqual([200, TEXT, null]);
  expect((await get({ range: 'bytes=8-4' }))[0]).toBe(400);
  expect((await get({ range: 'bytes=a-b' }))[0]).toBe(400);
});

test('a blob that the reader has is not sent again', async () => {
  expect((await get({ 'if-none-match': `"${DIGEST}"` }))[0]).toBe(304);
  expect((await get({ 'if-none-match': `"other", W/"${DIGEST}"` }))[0]).toBe(304);
  expect((await get({ 'if-none-match': '"other"' }))[0]).toBe(200);
  expect(await get({ range: 'bytes=0-2', 'if-range': `"${DIGEST}"` })).toEqual([206, 'the', 'bytes 0-2/19']);
  expect((await get({ range: 'bytes=0-2', 'if-range': '"other"' }))[0]).toBe(200);
});

test('HEAD gives size and type of a blob without its bytes', async () => {
  await put(TEXT, 'text/plain');
  const answer = await app.request(`/objects/${DIGEST}`, { method: 'HEAD' });
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '19', '']);
});

test('a blob larger than a piece arrives whole, and so does its range', async () => {
  const bytes = Buffer.alloc(40_000_000);
  for (let i = 0; i < bytes.length; i += 4096) bytes.writeUInt32LE(i, i);
  const digest = digestOf(bytes);
  await put(bytes, 'application/octet-stream');
  const whole = await app.request(`/objects/${digest}`);
  expect(digestOf(Buffer.from(await whole.arrayBuffer()))).toBe(digest);
  const range = await app.request(`/objects/${digest}`, { headers: { range: 'bytes=1000000-35000000' } });
  const expected = bytes.subarray(1_000_000, 35_000_001);
  expect(Buffer.from(await range.arrayBuffer()).equals(expected)).toBe(true);
});

test('PUT stores only bytes that have the digest of its path', async () => {
  const good = digestOf('good');
  expect((await app.request(`/objects/${good}`, { method: 'PUT', body: 'good' })).status).toBe(201);
  expect(
    await problemOf(Promise.resolve(app.request(`/objects/${good}`, { method: 'PUT', body: 'bad' }))),
  ).toMatchInlineSnapshot(`
    {
      "code": "unprocessable",
      "detail": "the digest of the body is sha256:2f05d4b689d270cafb02285f35f44866f7dc8a2d368a3f9d1124373eeab31fb1",
      "expected": "sha256:770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c",
      "hint": "send the body again, or POST it to /objects, which answers with its digest",
      "instance": "/objects/sha256:770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c",
      "retryable": false,
      "status": 422,
      "title": "Well-formed, but it cannot be done",
      "type": "urn:easel:problem:unprocessable",
    }
  `);
  expect(await store.head(blobKey(digestOf('bad')))).toBeUndefined();
});

test('a page stored as a blob does not run as a page of the server', async () => {
  const page = '<script>fetch("/functions")</script>';
  await put(page, 'text/html');
  const answer = await app.request(`/objects/${digestOf(page)}`);
  expect(answer.headers.get('content-type')).toBe('application/octet-stream');
  expect(answer.headers.get('content-security-policy')).toContain('sandbox');
});

test('unknown and malformed digests are refused', async () => {
  expect(await problemOf(send('GET', `/objects/${digestOf('nobody stored this')}`))).toMatchObject({ status: 404 });
  expect(await problemOf(send('GET', '/objects/abc'))).toMatchObject({ status: 400, code: 'invalid_input' });
});

test('a damaged blob is an error and is not served', async () => {
  await put('to be damaged', 'text/plain');
  const digest = digestOf('to be damaged');
  await store.put(blobKey(digest), Buffer.from('to be DAMAGED'));
  expect(await problemOf(send('GET', `/objects/${digest}`))).toMatchObject({ status: 500, code: 'corrupt' });
});
