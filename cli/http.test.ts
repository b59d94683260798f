import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { ProgressEvent } from '../configs/progress.ts';
import { Cancelled, Internal, InvalidInput } from '../errors.ts';
import { createApiClient, NoServer } from './http.ts';

type Handler = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map(close => close()));
});

/** A server that answers its calls in order; the last handler answers all further ones. */
async function serve(
  handlers: Handler[],
  port = 0,
): Promise<{ url: string; seen: string[]; close: () => Promise<void> }> {
  const seen: string[] = [];
  let next = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push(`${request.method} ${request.url}`);
    const handler = handlers[Math.min(next++, handlers.length - 1)];
    handler?.(Object.assign(request, { body }), response);
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  closers.push(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}

const answer =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

const accepted = answer(202, { v: 1, action: 'a', state: 'running' }, { location: '/runs/a' });
const event = (id: number, name: string, data: unknown) =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const events =
  (...texts: readonly string[]): Handler =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(texts.join(''));

test('an upload whose connection the server closes is sent once more, and not a third time', async () => {
  const close: Handler = request => request.socket.destroy();
  const once = await serve([close, (request, response) => response.end(request.body)]);
  await createApiClient(once.url).upload('sha256:0', Buffer.from('bytes'), 'text/plain');
  expect(once.seen).toEqual(['PUT /objects/sha256:0', 'PUT /objects/sha256:0']);
  const always = await serve([close]);
  await expect(createApiClient(always.url).upload('sha256:0', Buffer.from('bytes'), 'text/plain')).rejects.toThrow(
    NoServer,
  );
  expect(always.seen).toHaveLength(2);
});

test('an upload sends the bytes as they are, under their digest', async () => {
  const { url, seen } = await serve([
    (request, response) => response.end(JSON.stringify([request.headers['content-type'], request.body])),
  ]);
  // A size for which the time that it may take is not a whole number of milliseconds.
  await createApiClient(url).upload('sha256:0', Buffer.from('x'.repeat(123_457)), 'text/plain');
  expect(seen).toEqual(['PUT /objects/sha256:0']);
  const sent = createApiClient(url).request('PUT', '/', {
    body: Buffer.from('ab'),
    headers: { 'content-type': 'a/b' },
  });
  expect(await (await sent).json()).toEqual(['a/b', 'ab']);
});

test('a fast call returns its result and sends body, token and wait', async () => {
  let sent: unknown;
  const { url, seen } = await serve([
    (request, response) => {
      const { authorization, prefer } = request.headers;
      sent = { body: JSON.parse(request.body), authorization, prefer, type: request.headers['content-type'] };
      answer(200, { v: 1, action: 'a', function: 'f', state: 'done', cache: 'hit', result: { x: 1 } })(
        request,
        response,
      );
    },
  ]);
  const api = createApiClient(`${url}/`, 'token');
  expect(await api.call('f', { a: 1 }, { wait: 5, skipCache: true })).toEqual({
    result: { x: 1 },
    cache: 'hit',
    action: 'a',
  });
  expect(sent).toEqual({ body: { a: 1 }, authorization: 'Bearer token', prefer: 'wait=5', type: 'application/json' });
  expect(seen).toEqual(['POST /functions/f?skipCache']);
});

test('a long call is followed over a cut connection, and no event comes twice', async () => {
  const lastIds: unknown[] = [];
  const { url } = await serve([
    accepted,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(1, 'progress', { phase: 'train', done: 1, total: 3, metrics: { loss: 0.5 } }), () =>
        response.destroy(),
      );
    },
    (request, response) => {
      lastIds.push(request.headers['last-event-id']);
      events(
        event(2, 'progress', { phase: 'train', done: 2 }),
        event(3, 'done', { action: 'a', cache: 'miss', result: [7] }),
      )(request, response);
    },
  ]);
  const seen: ProgressEvent[] = [];
  const outcome = await createApiClient(url).call('train', {}, { onEvent: progress => seen.push(progress) });
  expect(outcome).toEqual({ action: 'a', cache: 'miss', result: [7] });
  expect(seen.map(({ done }) => done)).toEqual([1, 2]);
  expect(lastIds).toEqual(['1']);
});

test('a call is repeated if a restarted server has forgotten its run, but not for ever', async () => {
  const forgotten = answer(404, { status: 404, code: 'not_found', detail: 'there is no run' });
  const { url, seen } = await serve([accepted, forgotten, accepted, events(event(1, 'done', { result: 1 }))]);
  expect((await createApiClient(url).call('train', {})).result).toBe(1);
  expect(seen.filter(line => line.startsWith('POST'))).toHaveLength(2);

  const amnesiac = await serve(Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? accepted : forgotten)));
  await expect(createApiClient(amnesiac.url).call('train', {})).rejects.toThrow(Internal);
  expect(amnesiac.seen).toHaveLength(10);
});

test('a run is followed over a time in which the server is away', async () => {
  const first = await serve([
    accepted,
    (_, response) => {
      response.destroy();
      void first.close();
    },
  ]);
  const port = Number(new URL(first.url).port);
  const outcome = createApiClient(first.url).call('train', {});
  await new Promise(resolve => setTimeout(resolve, 600));
  await serve([events(event(1, 'done', { result: 'whole' }))], port);
  expect((await outcome).result).toBe('whole');
});

test('a problem document becomes an error with all its fields, as an answer and as the last event', async () => {
  const problem = {
    type: 'urn:easel:problem:invalid_input',
    title: 'The request is malformed',
    status: 400,
    detail: 'the body is wrong',
    code: 'invalid_input',
    expected: 'known keys',
    hint: 'see GET /functions/f',
    retryable: false,
    errors: [{ pointer: '/dog', detail: 'unknown key' }],
  };
  const { url } = await serve([
    answer(400, problem, { 'retry-after': '3' }),
    accepted,
    events(event(1, 'failed', problem)),
  ]);
  const api = createApiClient(url);
  const expected = {
    message: 'the body is wrong',
    status: 400,
    code: 'invalid_input',
    expected: 'known keys',
    hint: 'see GET /functions/f',
    details: { issues: problem.errors },
  };
  const direct = api.call('f', {});
  await expect(direct).rejects.toThrow(InvalidInput);
  await expect(direct).rejects.toMatchObject({ ...expected, retryAfterSeconds: 3 });
  await expect(api.call('f', {})).rejects.toMatchObject(expected);
});

test('an error names an answer that is not a problem document, and one of an unknown form', async () => {
  const { url } = await serve([
    (_, response) => response.writeHead(502).end('<html>bad gateway</html>'),
    answer(200, { name: 3 }),
  ]);
  const api = createApiClient(url);
  await expect(api.get('/x', z.unknown())).rejects.toThrow('HTTP 502 Bad Gateway: <html>bad gateway</html>');
  await expect(api.get('/x', z.object({ name: z.string() }))).rejects.toThrow(/GET \/x has an unknown form.*name/s);
});

test('a call that is stopped stops its run, also when its address comes later', async () => {
  const controller = new AbortController();
  const running: Handler = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(1, 'progress', { phase: 'train' }));
  };
  const { url, seen } = await serve([accepted, running, answer(202, {}), accepted, answer(202, {})]);
  const api = createApiClient(url);
  const options = { stop: controller.signal, onEvent: () => controller.abort(new Cancelled('enough')) };
  await expect(api.call('train', {}, options)).rejects.toThrow(Cancelled);
  expect(seen).toEqual(['POST /functions/train', 'GET /runs/a/events', 'DELETE /runs/a']);

  await expect(api.call('train', {}, options)).rejects.toThrow('enough');
  expect(seen.slice(3)).toEqual(['POST /functions/train', 'DELETE /runs/a']);
});

test('an absent server is an error with advice, and a call can be cancelled', async () => {
  const gone = await serve([accepted]);
  await gone.close();
  const refused = createApiClient(gone.url).get('/health', z.unknown());
  await expect(refused).rejects.toThrow(NoServer);
  await expect(refused).rejects.toThrow(`no Easel server answers at ${gone.url} (ECONNREFUSED)`);

  const controller = new AbortController();
  const { url } = await serve([
    accepted,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(1, 'progress', { phase: 'train' }));
    },
  ]);
  const call = createApiClient(url).call('train', {}, { signal: controller.signal, onEvent: () => controller.abort() });
  await expect(call).rejects.toThrow(Cancelled);
});
