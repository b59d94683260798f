import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Ambiguous,
  type AppError,
  Conflict,
  Corrupt,
  Internal,
  InvalidInput,
  NotFound,
  PayloadTooLarge,
  PreconditionFailed,
  StoreDenied,
  StoreFull,
  Unreachable,
} from '../../../errors.ts';
import { digestOf } from '../../digest.ts';
import type { Etag, ObjectStore } from '../../types.ts';
import { openS3Store, type S3Timeouts } from './s3-store.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const BODY = bytes('hello');
const SHA256 = Buffer.from(digestOf(BODY).slice('sha256:'.length), 'hex').toString('base64');
const OBJECT = { etag: '"e1"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT', 'content-type': 'text/plain' };

const refuse =
  (status: number, code: string, message = 'said so'): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  };
const answer =
  (headers: Record<string, string>, body = '', status = 200): Answer =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };

describe('S3 driver', () => {
  const servers: Server[] = [];
  const stores: ObjectStore[] = [];
  beforeEach(() => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'hunter2');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(stores.splice(0).map(store => store.close()));
    for (const server of servers.splice(0)) server.close();
  });

  async function listen<S extends Server>(server: S): Promise<number> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  function open(port: number, timeouts?: Partial<S3Timeouts>): ObjectStore {
    const store = openS3Store(`s3://bucket/pre?endpoint=http://127.0.0.1:${port}`, timeouts);
    stores.push(store);
    return store;
  }

  /** A store that gives each request this answer, with the requests that it got. */
  async function serve(give: Answer, timeouts?: Partial<S3Timeouts>) {
    const requests: IncomingMessage[] = [];
    const port = await listen(
      createServer((request, response) => {
        requests.push(request);
        request.resume().on('end', () => give(request, response));
      }),
    );
    return { store: open(port, timeouts), requests, endpoint: `http://127.0.0.1:${port}` };
  }

  const fail = (operation: Promise<unknown>): Promise<AppError> =>
    operation.then(
      () => expect.fail('it should have failed'),
      (error: AppError) => error,
    );
  const READS: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
    get: store => store.get('a'),
    head: store => store.head('a'),
    list: store => store.list(''),
  };
  const WRITES: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
    put: store => store.put('a', BODY),
    create: store => store.put('a', BODY, { ifNoneMatch: '*' }),
    replace: store => store.put('a', BODY, { ifMatch: 'e0' as Etag }),
    delete: store => store.delete('a'),
    copy: store => store.copy('a', 'b'),
  };

  describe('requests', () => {
    it('puts once, with length, media type, condition and a signed checksum', async () => {
      const { store, requests } = await serve(answer({ etag: '"e1"' }));
      expect(await store.put('a b/ä.json', BODY, { ifNoneMatch: '*' })).toEqual({ etag: 'e1' });
      await store.put('x', BODY, { ifMatch: 'e1' as Etag, mediaType: 'x/y' });
      const spooled = await store.spool(
        (async function* () {
          yield BODY;
        })(),
      );
      await store.put('x', spooled);
      await spooled.discard();
      const hex = digestOf(BODY).slice('sha256:'.length);
      expect(requests.map(({ method, url }) => `${method} ${url?.split('?')[0]}`)).toEqual([
        'PUT /bucket/pre/a%20b/%C3%A4.json',
        'PUT /bucket/pre/x',
        'PUT /bucket/pre/x',
      ]);
      for (const { headers } of requests) {
        expect(headers).toMatchObject({
          'content-length': '5',
          'x-amz-checksum-sha256': SHA256,
          'x-amz-content-sha256': hex,
          authorization: expect.stringContaining('Credential=AKIAEXAMPLE/'),
        });
        expect(headers['transfer-encoding']).toBeUndefined();
        expect(headers.expect).toBeUndefined();
      }
      expect(requests[0]?.headers).toMatchObject({ 'if-none-match': '*', 'content-type': 'application/json' });
      expect(requests[1]?.headers).toMatchObject({ 'if-match': '"e1"', 'content-type': 'x/y' });
    });

    it('requests ranges, and cuts the range out of the answer of a store that ignores them', async () => {
      const partial = await serve(answer({ ...OBJECT, 'content-range': 'bytes 1-3/5' }, 'ell', 206));
      expect(await partial.store.get('a', { start: 1, end: 3 })).toMatchObject({ size: 5, body: bytes('ell') });
      expect(partial.requests[0]?.headers).toMatchObject({ range: 'bytes=1-3' });
      const whole = await serve(answer(OBJECT, 'hello'));
      expect(await whole.store.get('a', { start: 1, end: 3 })).toMatchObject({ size: 5, body: bytes('ell') });
      expect(await fail(whole.store.get('a', { start: 9 }))).toBeInstanceOf(InvalidInput);
    });

    it('copies by get and put after the store has refused one copy', async () => {
      const { store, requests } = await serve((request, response) => {
        if (request.headers['x-amz-copy-source']) return refuse(501, 'NotImplemented')(request, response);
        answer(OBJECT, request.method === 'GET' ? 'hello' : '')(request, response);
      });
      await store.copy('a', 'b');
      await store.copy('a', 'c');
      expect(requests.map(({ method, url }) => `${method} ${url?.split('?')[0]}`)).toEqual([
        'PUT /bucket/pre/b',
        'GET /bucket/pre/a',
        'PUT /bucket/pre/b',
        'GET /bucket/pre/a',
        'PUT /bucket/pre/c',
      ]);
      expect(requests[2]?.headers).toMatchObject({ 'content-type': 'text/plain', 'x-amz-checksum-sha256': SHA256 });
    });
  });

  describe('answers', () => {
    it.each([
      [404, 'NoSuchBucket', Internal, 'there is no bucket "bucket" at http://127.0.0.1'],
      [403, 'AccessDenied', StoreDenied, 'access to the bucket "bucket" at http://127.0.0.1'],
      [403, 'InvalidAccessKeyId', StoreDenied, 'is denied (InvalidAccessKeyId)'],
      [403, 'SignatureDoesNotMatch', StoreDenied, 'is denied (SignatureDoesNotMatch)'],
      [403, 'RequestTimeTooSkewed', Unreachable, 'differs from the clock of this machine'],
      [400, 'AuthorizationHeaderMalformed', Internal, 'another region'],
      [301, 'PermanentRedirect', Internal, 'another region'],
      [400, 'XMinioInvalidObjectName', InvalidInput, 'refused'],
      [507, 'XMinioStorageFull', StoreFull, 'the disk of the store is full'],
      [418, 'Teapot', Internal, '418 Teapot: said so'],
    ] as const)('reports %i %s as the same error for every operation', async (status, code, kind, message) => {
      const { store } = await serve(refuse(status, code));
      for (const [name, operate] of Object.entries({ ...READS, ...WRITES })) {
        // The answer to HEAD has no body for the error code.
        if (name === 'head') continue;
        const error = await fail(operate(store));
        expect(error, name).toBeInstanceOf(kind);
        expect(error.message).toContain(message);
        expect(error.hint ?? 'is there').not.toBe('');
      }
    });

    it('has errors without secrets and without requests', async () => {
      const { store } = await serve(refuse(403, 'SignatureDoesNotMatch'));
      const error = await fail(store.put('a', BODY));
      const told = JSON.stringify([error, error.message, error.hint, error.cause, String(error.cause)]);
      expect(told).toContain('said so');
      expect(told).not.toMatch(/hunter2|AKIAEXAMPLE|Signature=|\$response/);
      expect(Object.keys(error.cause ?? {})).toEqual(['name']);
    });

    it.each([500, 502, 503, 504, 429, 408])('reports an ambiguous write after status %i', async status => {
      const { store, requests } = await serve(refuse(status, 'SlowDown'));
      for (const [name, operate] of Object.entries(READS)) {
        expect(await fail(operate(store)), name).toBeInstanceOf(Unreachable);
      }
      for (const [name, operate] of Object.entries(WRITES)) {
        expect(await fail(operate(store)), name).toBeInstanceOf(Ambiguous);
      }
      // One request for each operation: no layer below retries.
      expect(requests).toHaveLength(Object.keys({ ...READS, ...WRITES }).length);
    });

    it.each([
      [412, 'PreconditionFailed', PreconditionFailed],
      [404, 'NoSuchKey', PreconditionFailed],
      [409, 'ConditionalRequestConflict', Conflict],
      [400, 'BadDigest', Corrupt],
      [400, 'XAmzContentSHA256Mismatch', Corrupt],
      [400, 'EntityTooLarge', PayloadTooLarge],
      [507, 'XMinioStorageFull', StoreFull],
      [501, 'NotImplemented', Internal],
    ] as const)('treats %i %s as a rejection of a conditional write', async (status, code, kind) => {
      const { store } = await serve(refuse(status, code));
      for (const write of [WRITES.create, WRITES.replace]) {
        if (write) expect(await fail(write(store))).toBeInstanceOf(kind);
      }
    });

    it('lets callers repeat an unconditional write that met another one', async () => {
      const { store } = await serve(refuse(409, 'OperationAborted'));
      expect(await fail(store.put('a', BODY))).toBeInstanceOf(Unreachable);
      expect(await fail(store.delete('a'))).toBeInstanceOf(Unreachable);
    });

    it('treats only NoSuchKey as an absent object', async () => {
      const absent = await serve(refuse(404, 'NoSuchKey'));
      expect(await absent.store.get('a')).toBeUndefined();
      expect(await absent.store.head('a')).toBeUndefined();
      await absent.store.delete('a');
      expect(await fail(absent.store.copy('a', 'b'))).toBeInstanceOf(NotFound);
      const page = await serve(answer({ 'content-type': 'text/html' }, '<html>Not found</html>', 404));
      expect(await fail(page.store.get('a'))).toBeInstanceOf(Internal);
    });

    it('refuses answers without ETag, size or time', async () => {
      const { etag: _, ...unversioned } = OBJECT;
      const { store } = await serve(answer(unversioned, 'hello'));
      for (const operate of [READS.get, WRITES.put]) {
        const error = await fail(operate?.(store) ?? Promise.resolve());
        expect(error).toBeInstanceOf(Internal);
        expect(error.message).toContain('does not tell the ETag of "a"');
      }
      const { 'last-modified': __, ...timeless } = OBJECT;
      expect((await fail((await serve(answer(timeless, 'hello'))).store.get('a'))).message).toContain('time of "a"');
    });

    it('finds damage by the checksum that the store keeps', async () => {
      const good = await serve(answer({ ...OBJECT, 'x-amz-checksum-sha256': SHA256 }, 'hello'));
      expect((await good.store.get('a'))?.body).toEqual(BODY);
      expect(good.requests[0]?.headers['x-amz-checksum-mode']).toBe('ENABLED');
      const bad = await serve(answer({ ...OBJECT, 'x-amz-checksum-sha256': SHA256 }, 'hellp'));
      expect(await fail(bad.store.get('a'))).toBeInstanceOf(Corrupt);
      const blob = await serve(answer(OBJECT, 'hellp'));
      const hex = digestOf(BODY).slice('sha256:'.length);
      expect(await fail(blob.store.get(`cas/sha256/${hex.slice(0, 2)}/${hex}`))).toBeInstanceOf(Corrupt);
    });

    it('does not treat garbage as a listing', async () => {
      for (const body of ['<html><body>Welcome</body></html>', '<ListBucketResult><Contents><Key>', 'garbage', '']) {
        const { store } = await serve(answer({ 'content-type': 'application/xml' }, body));
        expect(await fail(store.list('')), body).toBeInstanceOf(Unreachable);
      }
    });

    it('gives up on a listing that never ends', async () => {
      const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>';
      const body = `<ListBucketResult>${more}</ListBucketResult>`;
      const { store, requests } = await serve(answer({ 'content-type': 'application/xml' }, body));
      expect((await fail(store.list(''))).message).toContain('does not end');
      expect(requests).toHaveLength(1);
    });
  });

  describe('without an answer', () => {
    it('tells a connection that never opened from one that broke', async () => {
      const port = await listen(createTcpServer(socket => socket.once('data', () => socket.resetAndDestroy())));
      const store = open(port);
      for (const operate of Object.values(READS)) expect(await fail(operate(store))).toBeInstanceOf(Unreachable);
      for (const operate of Object.values(WRITES)) expect(await fail(operate(store))).toBeInstanceOf(Ambiguous);

      const [server] = servers.splice(0);
      server?.close();
      const away = open(port);
      for (const operate of Object.values({ ...READS, ...WRITES })) {
        const error = await fail(operate(away));
        expect(error).toBeInstanceOf(Unreachable);
        expect(error.message).toContain('ECONNREFUSED');
      }
      const unnamed = openS3Store('s3://bucket?endpoint=http://no-such-host.invalid:9000');
      stores.push(unnamed);
      expect(await fail(unnamed.put('a', BODY, { ifNoneMatch: '*' }))).toBeInstanceOf(Unreachable);
    });

    it('treats a body that ends early as no answer', async () => {
      const { store } = await serve((_, response) => {
        response.writeHead(200, { ...OBJECT, 'content-length': '100' });
        response.write('hello', () => response.socket?.destroy());
      });
      expect(await fail(store.get('a'))).toBeInstanceOf(Unreachable);
    });

    it('stops waiting for an answer or a body at its deadline', async () => {
      const silent = await serve(() => {}, { requestMs: 100 });
      const started = performance.now();
      expect(await fail(silent.store.get('a'))).toBeInstanceOf(Unreachable);
      const error = await fail(silent.store.put('a', BODY, { ifNoneMatch: '*' }));
      expect(error).toBeInstanceOf(Ambiguous);
      expect(error.message).toContain('no answer within');
      const dripping = await serve(
        (_, response) => {
          response.writeHead(200, { ...OBJECT, 'content-length': '1000' });
          const drip = setInterval(() => response.write('x'), 20);
          response.once('close', () => clearInterval(drip));
        },
        { requestMs: 200 },
      );
      expect(await fail(dripping.store.get('a'))).toBeInstanceOf(Unreachable);
      const idle = await serve(() => {}, { idleMs: 100 });
      expect(await fail(idle.store.put('a', BODY))).toBeInstanceOf(Ambiguous);
      expect(performance.now() - started).toBeLessThan(15_000);
    });

    it('stops waiting for a connection at its deadline, and has sent nothing then', async () => {
      // Accepts connections and never begins TLS.
      const port = await listen(createTcpServer());
      const store = openS3Store(`s3://bucket?endpoint=https://127.0.0.1:${port}`, { connectMs: 100 });
      stores.push(store);
      const error = await fail(store.put('a', BODY, { ifNoneMatch: '*' }));
      expect(error).toBeInstanceOf(Unreachable);
      expect(error.message).toContain('no connection within 100 ms');
    });

    it('reports a server that does not speak TLS', async () => {
      const { endpoint } = await serve(answer({}));
      const store = openS3Store(`s3://bucket?endpoint=${endpoint.replace('http', 'https')}`);
      stores.push(store);
      const error = await fail(store.put('a', BODY));
      expect(error).toBeInstanceOf(Internal);
      expect(error.message).toContain('not offer trusted TLS');
    });

    it('reports missing credentials and how to set them', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', '');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
      vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
      const { store } = await serve(answer({}));
      const error = await fail(store.list(''));
      expect(error).toBeInstanceOf(Internal);
      expect(error.message).toContain('no credentials for the bucket "bucket"');
      expect(error.hint).toContain('AWS_ACCESS_KEY_ID');
    });

    it('fails when the file of the body does not exist', async () => {
      const { store } = await serve(answer({ etag: '"e1"' }));
      const body = { path: '/nowhere/at/all', size: 5, digest: digestOf(BODY) };
      const error = await fail(store.put('a', body));
      expect(error).toBeInstanceOf(Internal);
      expect(error.message).toContain('the file to be put as "a" cannot be read');
    });
  });
});
