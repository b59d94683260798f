/** @file Requests as attackers, broken clients and broken networks send them, over a socket and byte by byte. */
import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { signChunk } from './sigv4.ts';
import { startTestEndpoint, TEST_CREDENTIALS, type TestEndpoint } from './testing/endpoint.ts';
import { call, type RawRequest, type Signed, send, sign } from './testing/raw-client.ts';

const GIBIBYTE = 1024 ** 3;
const IDLE_MS = 1000;
let endpoint: TestEndpoint;
let url: string;

beforeAll(async () => {
  endpoint = await startTestEndpoint({ idleMs: IDLE_MS });
  url = endpoint.url;
  await endpoint.store.put('kept.txt', Buffer.from('as it was'));
});
afterAll(() => endpoint.destroy());

/** Whatever was tried: nothing was written, nothing is left half-way, and no secret was told or logged. */
afterEach(async () => {
  const { objects } = await endpoint.store.list('');
  expect(objects.map(each => each.key)).toEqual(['kept.txt']);
  expect(Buffer.from((await endpoint.store.get('kept.txt'))?.body ?? []).toString()).toBe('as it was');
  expect(await readdir(join(endpoint.folder, '.easel', 'tmp'))).toEqual([]);
  expect(endpoint.lines).toEqual([]);
});

const put = (change: Partial<RawRequest> = {}): RawRequest => ({
  method: 'PUT',
  target: '/easel/kept.txt',
  body: 'changed',
  ...change,
});
const codeOf = async (raw: RawRequest, tamper: (signed: Signed) => Partial<Signed> = () => ({})) => {
  const signed = sign(url, raw);
  const answer = await send(url, { ...signed, ...tamper(signed) });
  expect(answer.text).not.toContain(TEST_CREDENTIALS.secretKey);
  return answer.code ?? answer.status;
};

describe('signatures', () => {
  it('every request needs a signature', async () => {
    for (const [method, target] of [
      ['GET', '/'],
      ['GET', '/easel'],
      ['GET', '/easel/kept.txt'],
      ['PUT', '/easel/new'],
      ['DELETE', '/easel/kept.txt'],
      ['POST', '/easel?delete'],
      ['OPTIONS', '/easel/kept.txt'],
      ['GET', '/other/x'],
      ['GET', '/easel?uploads'],
    ] as const) {
      const answer = await send(url, { method, target, headers: {}, body: Buffer.from('') });
      expect([answer.status, answer.code]).toEqual([403, 'AccessDenied']);
    }
    expect(
      (await send(url, { method: 'HEAD', target: '/easel/kept.txt', headers: {}, body: Buffer.from('') })).status,
    ).toBe(403);
  });

  it('a signature by other keys is refused', async () => {
    const { accessKey, secretKey } = TEST_CREDENTIALS;
    expect(await codeOf(put({ credentials: { accessKey, secretKey: `${secretKey}x` } }))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(put({ credentials: { accessKey: 'other', secretKey } }))).toBe('InvalidAccessKeyId');
    expect(await codeOf(put({ credentials: { accessKey: '', secretKey: '' } }))).toBe('InvalidAccessKeyId');
  });

  it('a signature of another time is refused', async () => {
    const now = Date.now();
    for (const skew of [-16, 16]) expect(await codeOf(put({ now: now + skew * 60_000 }))).toBe('RequestTimeTooSkewed');
    const yesterday = { 'x-amz-date': new Date(now - 86_400_000).toISOString().replace(/[-:]|\.\d+/g, '') };
    expect(await codeOf(put({ headers: yesterday }))).toBe('AccessDenied');
    expect(await codeOf(put({ headers: { 'x-amz-date': 'now' } }))).toBe('AccessDenied');
  });

  it.each<[string, (signed: Signed) => Partial<Signed>]>([
    ['method', () => ({ method: 'DELETE' })],
    ['path', () => ({ target: '/easel/other.txt' })],
    ['query', () => ({ target: '/easel/kept.txt?x=1' })],
    ['host', ({ headers }) => ({ headers: { ...headers, host: 'evil.example' } })],
    ['condition', ({ headers }) => ({ headers: { ...headers, 'if-none-match': '"x"' } })],
    ['length', ({ headers }) => ({ body: Buffer.from('chang'), headers: { ...headers, 'content-length': '5' } })],
    ['payload', ({ headers }) => ({ headers: { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } })],
    [
      'date',
      ({ headers }) => ({ headers: { ...headers, 'x-amz-date': headers['x-amz-date']?.replace(/..Z$/, '00Z') ?? '' } }),
    ],
    [
      'signature',
      ({ headers }) => ({ headers: { ...headers, authorization: headers.authorization?.replace(/.$/, 'x') ?? '' } }),
    ],
    [
      'length of the signature',
      ({ headers }) => ({ headers: { ...headers, authorization: headers.authorization?.slice(0, -1) ?? '' } }),
    ],
  ])('a signature covers the %s', async (_, tamper) => {
    // Such that "date" does change it.
    const now = Math.floor(Date.now() / 60_000) * 60_000 - 1000;
    expect(await codeOf(put({ now, headers: { 'if-none-match': '*' } }), tamper)).toBe('SignatureDoesNotMatch');
  });

  it('a signature covers the body', async () => {
    expect(await codeOf(put(), () => ({ body: Buffer.from('Changed') }))).toBe('XAmzContentSHA256Mismatch');
  });

  it('a signature covers every AWS header, so an added one is refused', async () => {
    const added = { 'x-amz-copy-source': '/easel/kept.txt' };
    expect(await codeOf(put({ target: '/easel/new' }), ({ headers }) => ({ headers: { ...headers, ...added } }))).toBe(
      'AccessDenied',
    );
    const without = ({ headers }: Signed) => ({
      headers: { ...headers, authorization: headers.authorization?.replace('host;', '') ?? '' },
    });
    expect(await codeOf(put(), without)).toBe('AccessDenied');
  });

  it.each([
    ['Bearer x', 'AuthorizationHeaderMalformed'],
    ['AWS test-access-key:c2ln', 'InvalidRequest'],
    ['AWS4-HMAC-SHA256 ', 'AuthorizationHeaderMalformed'],
    ['AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=x', 'AuthorizationHeaderMalformed'],
    [
      'AWS4-HMAC-SHA256 Credential=x/20130524/r/ec2/aws4_request,SignedHeaders=host,Signature=x',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=x/../r/s3/aws4_request,SignedHeaders=host,Signature=x',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=x/20130524/r/s3/aws4_request,SignedHeaders=host;a b,Signature=x',
      'AuthorizationHeaderMalformed',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=x/20130524/r/s3/aws4_request,SignedHeaders=;host;,Signature=x',
      'AuthorizationHeaderMalformed',
    ],
  ])('a malformed signature is refused: %s', async (authorization, code) => {
    expect(await codeOf(put(), ({ headers }) => ({ headers: { ...headers, authorization } }))).toBe(code);
  });

  it('signatures of version 2 are refused by name', async () => {
    const target = '/easel/kept.txt?AWSAccessKeyId=x&Signature=x&Expires=99999999999';
    const answer = await send(url, { method: 'GET', target, headers: {}, body: Buffer.from('') });
    expect([answer.code, answer.text]).toEqual(['InvalidRequest', expect.stringContaining('AWS4-HMAC-SHA256')]);
  });

  it('two signatures on one request are refused', async () => {
    expect(await codeOf(put({ target: '/easel/kept.txt?X-Amz-Signature=x' }))).toBe('InvalidArgument');
  });

  it.each(['X-Amz-Expires=604801', 'X-Amz-Expires=0', 'X-Amz-Expires=1e3', 'X-Amz-Expires=60&X-Amz-Expires=70', ''])(
    'in URLs are complete, and do not live for ever: %s',
    async expires => {
      const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
      const scope = `x%2F${day}%2Fr%2Fs3%2Faws4_request`;
      const rest = `X-Amz-Credential=${scope}&X-Amz-Date=${day}T000000Z&X-Amz-SignedHeaders=host`;
      const target = `/easel/kept.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&${rest}&X-Amz-Signature=x&${expires}`;
      const answer = await send(url, { method: 'GET', target, headers: {}, body: Buffer.from('') });
      expect(answer.code).toBe('AuthorizationQueryParametersError');
    },
  );
});

test('a page in a browser may do nothing, even with keys', async () => {
  for (const origin of ['https://evil.example', 'null', url]) {
    expect(await codeOf({ target: '/easel/kept.txt', headers: { origin } })).toBe('AccessDenied');
  }
});

describe('keys', () => {
  beforeAll(() => writeFile(join(endpoint.folder, '.easel', 'secret'), 'x'));

  it.each([
    '../outside',
    'a/../../outside',
    'a/%2e%2e/b',
    '%2e%2e%2foutside',
    '..%2foutside',
    '%2fetc%2fpasswd',
    '/etc/passwd',
    'a//b',
    './a',
    '.easel/secret',
    '.easel%2Fsecret',
    '%2Eeasel/s3-keys.json',
    'a%00b',
    'a%0ab',
    'a'.repeat(256),
    'a/'.repeat(600),
  ])('refuses the key %s, which leads outside or is malformed', async key => {
    const target = `/easel/${key}`;
    expect(await codeOf(put({ target }))).toBe('InvalidArgument');
    expect(await codeOf({ target })).toBe('InvalidArgument');
    expect(await codeOf({ method: 'HEAD', target })).toBe(400);
    expect(await codeOf({ method: 'DELETE', target })).toBe('InvalidArgument');
    const copy = { 'x-amz-copy-source': target };
    expect(await codeOf({ method: 'PUT', target: '/easel/copy', headers: copy })).toBe('InvalidArgument');
  });

  it('keys that are not UTF-8, or wrongly encoded, are refused', async () => {
    for (const path of ['/easel/%ff', '/easel/%', '/easel/%zz']) {
      expect((await send(url, { ...sign(url, { target: '/easel/x' }), target: path })).code).toBe('InvalidURI');
    }
  });

  it('keys of folders do not exist and cannot be made', async () => {
    expect(await codeOf({ target: '/easel/folder/' })).toBe('NoSuchKey');
    expect(await codeOf({ method: 'DELETE', target: '/easel/folder/' })).toBe(204);
    expect(await codeOf(put({ target: '/easel/folder/', body: '' }))).toBe('InvalidArgument');
    expect(await codeOf(put({ target: '/easel/kept.txt/below' }))).toBe('InvalidArgument');
  });
});

describe('bodies', () => {
  const chunked = (payload: string, decoded: number, trailer?: string) => ({
    payload,
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': String(decoded),
      ...(trailer !== undefined && { 'x-amz-trailer': trailer }),
    },
  });
  const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

  it('a body is committed only if the checksum behind it is true', async () => {
    const wrong = '7\r\nchanged\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n';
    expect(await codeOf(put({ ...chunked(UNSIGNED, 7, 'x-amz-checksum-crc32'), body: wrong }))).toBe('BadDigest');
    const missing = '7\r\nchanged\r\n0\r\n\r\n';
    expect(await codeOf(put({ ...chunked(UNSIGNED, 7, 'x-amz-checksum-crc32'), body: missing }))).toBe(
      'MalformedTrailerError',
    );
    const cut = '7\r\nchanged\r\n';
    expect(await codeOf(put({ ...chunked(UNSIGNED, 7, 'x-amz-checksum-crc32'), body: cut }))).toBe('IncompleteBody');
    expect(await codeOf(put({ ...chunked(UNSIGNED, 8), body: missing }))).toBe('IncompleteBody');
    expect(await codeOf(put({ ...chunked(UNSIGNED, 6), body: missing }))).toBe('IncompleteBody');
    expect(await codeOf(put({ headers: { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' } }))).toBe('BadDigest');
    expect(await codeOf(put({ headers: { 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') } }))).toBe(
      'BadDigest',
    );
  });

  it('a body is committed only if each chunk is signed', async () => {
    const raw = put({ ...chunked('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 7), body: 'x'.repeat(7 + 180) });
    const frame = (signed: Signed, body: string) => {
      const hash = (text: string) => createHash('sha256').update(text).digest('hex');
      const first = signChunk(signed.signing, signed.signing.seedSignature, hash('changed'));
      const last = signChunk(signed.signing, first, hash(''));
      return { body: Buffer.from(`7;chunk-signature=${first}\r\n${body}\r\n0;chunk-signature=${last}\r\n\r\n`) };
    };
    // The frame itself is right: with the bytes that were signed it is accepted.
    const length = String(frame(sign(url, raw), 'changed').body.length);
    const sized = { ...raw, headers: { ...raw.headers, 'content-length': length } };
    expect(await codeOf({ ...sized, target: '/easel/new' }, signed => frame(signed, 'changed'))).toBe(200);
    await endpoint.store.delete('new');
    expect(await codeOf(sized, signed => frame(signed, 'chanGed'))).toBe('SignatureDoesNotMatch');
    const unsigned = '7\r\nchanged\r\n0\r\n\r\n';
    const plain = put({ ...chunked('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 7), body: unsigned });
    expect(await codeOf(plain)).toBe('IncompleteBody');
  });

  it('a body without a length, or beyond the limit, is refused', async () => {
    const announced = (bytes: number) => ({ 'content-length': String(bytes) });
    const over = sign(url, put({ headers: announced(GIBIBYTE + 1) }));
    expect(await beginUpload(over, 'x')).toMatch(/^HTTP\/1.1 400 .*<Code>EntityTooLarge</s);
    const decoded = put({ ...chunked(UNSIGNED, GIBIBYTE + 1), body: '0\r\n\r\n' });
    expect(await codeOf(decoded)).toBe('EntityTooLarge');
    const unknown = { method: 'PUT', target: '/easel/kept.txt', payload: UNSIGNED, body: '0\r\n\r\n' };
    expect(await codeOf(unknown)).toBe('MissingContentLength');
    expect(await codeOf(put({ headers: { 'transfer-encoding': 'chunked' } }))).toBe('MissingContentLength');
    expect(await codeOf(put({ payload: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' }))).toBe('InvalidArgument');
  });

  it('a silent body is given up', async () => {
    const slow = await beginUpload(sign(url, put({ body: 'changed' })), 'chan');
    expect(slow).toMatch(/^HTTP\/1.1 400 .*<Code>RequestTimeout</s);
    // One that dribbles in time is read to its end.
    const answer = await beginUpload(sign(url, put({ target: '/easel/slow', body: 'abc' })), 'a', 'b', 'c');
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    await endpoint.store.delete('slow');
  });

  it('a body that breaks off leaves no object', async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(head(sign(url, put({ body: 'changed'.repeat(1000) }))));
    socket.write('changed');
    await until(async () => (await readdir(join(endpoint.folder, '.easel', 'tmp'))).length === 1);
    socket.destroy();
    await until(async () => (await readdir(join(endpoint.folder, '.easel', 'tmp'))).length === 0);
  });

  it('an XML body must be small, flat and without entities', async () => {
    const remove = (body: string) => codeOf({ method: 'POST', target: '/easel?delete', body });
    const wrap = (content: string) => `<Delete>${content}</Delete>`;
    const bomb = `<!DOCTYPE a [<!ENTITY a "${'kept'.repeat(10)}"><!ENTITY b "${'&a;'.repeat(100)}">]>${wrap('<Object><Key>&b;</Key></Object>')}`;
    expect(await remove(bomb)).toBe('MalformedXML');
    expect(await remove(wrap('<Object><Key>x</Key></Object>'.repeat(1001)))).toBe('MalformedXML');
    expect(await remove('<a>'.repeat(100_000))).toBe('MalformedXML');
    expect(await remove(wrap(`<Object><Key>${'x'.repeat(2 * 1024 * 1024)}</Key></Object>`))).toBe('EntityTooLarge');
    const signed = (body: string) => ({ body: Buffer.from(body) });
    const raw = { method: 'POST', target: '/easel?delete', body: wrap('<Object><Key>none.txt</Key></Object>') };
    expect(await codeOf(raw, () => signed(raw.body.replace('none', 'kept')))).toBe('XAmzContentSHA256Mismatch');
  });

  /** Sends the pieces half an idle time apart, and waits for the answer. */
  async function beginUpload(signed: Signed, ...pieces: string[]): Promise<string> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let said = '';
    const answered = new Promise<string>((resolve, reject) => {
      socket.on('data', chunk => {
        said += chunk;
        if (/<\/Error>|^HTTP\/1.1 200/.test(said)) resolve(said);
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(said));
    });
    socket.write(head(signed));
    for (const piece of pieces) {
      socket.write(piece);
      if (pieces.length > 1) await sleep(IDLE_MS / 4);
    }
    const answer = await answered;
    socket.destroy();
    return answer;
  }

  function head({ method, target, headers }: Signed): string {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await sleep(20);
  }
});

test('errors are XML with code and resource, without the query', async () => {
  const { status, headers, text } = await call(url, { target: '/easel/none.txt?X-Secret=1' });
  expect([status, headers['content-type']]).toEqual([404, 'application/xml']);
  expect(text).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>NoSuchKey<\/Code><Message>there is no such object<\/Message><Resource>\/easel\/none.txt<\/Resource><RequestId>[0-9a-f-]{36}<\/RequestId><\/Error>$/,
  );
});
