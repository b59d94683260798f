import { afterEach, expect, test } from 'vitest';
import { putDataset } from '../../functions/testing/functions.ts';
import { digestOf } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createTestServer, jsonOf, problemOf, readEvents, type TestServer } from '../testing/server.ts';

let server: TestServer = createTestServer();
afterEach(async () => {
  await server.executor.close();
  server = createTestServer();
});

test('a call answers with its action and result: first a miss, then a hit', async () => {
  const first = await server.send('POST', '/functions/echo', { text: 'a' });
  expect([first.status, first.headers.get('x-cache')]).toEqual([200, 'miss']);
  const miss = await jsonOf(first);
  expect(miss).toMatchObject({
    v: 1,
    function: 'echo',
    state: 'done',
    cache: 'miss',
    result: { outputs: { text: { size: 1 } } },
  });
  expect(first.headers.get('content-location')).toBe(`/runs/${miss.action}`);
  const second = await server.send('POST', '/functions/echo', { text: 'a' });
  expect(second.headers.get('x-cache')).toBe('hit');
  expect((await jsonOf(second)).result).toEqual(miss.result);
  expect((await server.send('POST', '/functions/echo?skipCache', { text: 'a' })).headers.get('x-cache')).toBe('miss');
  expect(server.bench.runs).toHaveLength(2);
});

test('a long call answers 202 with Location, and the same POST joins its run', async () => {
  const started = await server.send('POST', '/functions/slow', { text: 'a' }, { prefer: 'wait=0' });
  expect(started.status).toBe(202);
  const location = started.headers.get('location') ?? '';
  expect(await jsonOf(started)).toMatchObject({ state: 'running', progress: { phase: 'waiting' } });
  const joined = server.send('POST', '/functions/slow', { text: 'a' }, { prefer: 'wait=30' });
  server.bench.gate.resolve();
  expect((await joined).status).toBe(200);
  expect(await jsonOf(server.send('GET', location))).toMatchObject({ state: 'done', cache: 'miss' });
  expect(server.bench.runs).toEqual(['slow a']);
});

test('a client that goes away does not stop its call', async () => {
  const controller = new AbortController();
  const posted = server.app.request('/functions/slow', {
    method: 'POST',
    body: '{"text":"a"}',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    signal: controller.signal,
  });
  await expect.poll(() => server.bench.runs).toEqual(['slow a']);
  controller.abort();
  const location = (await posted).headers.get('location') ?? '';
  server.bench.gate.resolve();
  const ended = await server.send('GET', location, undefined, { prefer: 'wait=30' });
  expect(await jsonOf(ended)).toMatchObject({ state: 'done' });
});

test('a call resolves names and echoes their digests', async () => {
  const { dataset } = await putDataset(server.blobs, ['a']);
  await createRefs(server.store).datasets.create('letters', { v: 1, dataset });
  const answer = await jsonOf(server.send('POST', '/functions/count', { dataset: 'letters' }));
  expect(answer).toMatchObject({ resolved: { dataset }, result: { action: { inputs: { dataset } } } });
});

test('an effect answers with the JSON that it returns', async () => {
  server.bench.gate.resolve();
  const answer = await server.send('POST', '/functions/work', { name: 'a' });
  expect(answer.status).toBe(200);
  expect(await jsonOf(answer)).toMatchObject({ function: 'work', state: 'done', result: { name: 'a' } });
});

test('GET /functions lists functions; GET /functions/NAME has schema and curl line', async () => {
  const { functions } = await jsonOf(server.send('GET', '/functions'));
  expect(functions).toContainEqual({ name: 'echo', kind: 'pure', version: 1, summary: 'Stores its text.' });
  const echo = await jsonOf(server.send('GET', '/functions/echo'));
  expect(echo.input).toMatchObject({
    required: ['text'],
    additionalProperties: false,
    properties: { times: { default: 1 } },
  });
  expect(echo.curl).toBe(
    `curl -s -X POST http://localhost/functions/echo -H 'content-type: application/json' -d '{"text":"hello"}'`,
  );
  const upper = await jsonOf(server.send('GET', '/functions/upper'));
  expect(upper.input.properties.dataset).toEqual({ type: 'string', description: 'a digest, or the name of a dataset' });
});

test('a body with an unknown key is refused', async () => {
  expect(await problemOf(server.send('POST', '/functions/echo', { text: 'a', tmes: 2 }))).toMatchInlineSnapshot(`
    {
      "code": "invalid_input",
      "detail": "the body of echo is wrong: /tmes: unknown key "tmes"; did you mean "times"?",
      "errors": [
        {
          "detail": "unknown key "tmes"; did you mean "times"?",
          "pointer": "/tmes",
        },
      ],
      "hint": "correct the keys named; GET /openapi.json has the schemas",
      "instance": "/functions/echo",
      "retryable": false,
      "status": 400,
      "title": "The request is malformed",
      "type": "urn:easel:problem:invalid_input",
    }
  `);
});

test('a body with an unknown digest is refused', async () => {
  const document = digestOf('nobody stored this');
  expect(await problemOf(server.send('POST', '/functions/unpack', { document }))).toMatchInlineSnapshot(`
    {
      "code": "not_found",
      "detail": "document: there is no blob sha256:7132a27ee6b43eda924b1d161f6717e5e8dc1ea3bc81922bbdbefbdc1a451268",
      "expected": "the digest of a stored blob, or a name",
      "hint": "PUT it to /objects, or repeat the call that made it",
      "instance": "/runs/sha256:0631d213c865543b666eb4594a39de1bc311e8d60f966ddede4e78170a97d8e3",
      "retryable": false,
      "status": 404,
      "title": "Not found",
      "type": "urn:easel:problem:not_found",
    }
  `);
});

test('a call of an unknown function is refused', async () => {
  expect(await problemOf(server.send('POST', '/functions/ekko', { text: 'a' }))).toMatchInlineSnapshot(`
    {
      "code": "not_found",
      "detail": "there is no function "ekko"",
      "expected": "one of echo, slow, shorten, pack, unpack, refuse, count, work, outer, upper, measure, report",
      "hint": "did you mean echo?",
      "instance": "/functions/ekko",
      "retryable": false,
      "status": 404,
      "title": "Not found",
      "type": "urn:easel:problem:not_found",
    }
  `);
});

test('a description of an unknown function is refused as a call is', async () => {
  const refused = await problemOf(server.send('GET', '/functions/ekko'));
  expect(refused).toMatchObject({ status: 404, detail: 'there is no function "ekko"', hint: 'did you mean echo?' });
});

test('ten megabytes of JSON are refused', async () => {
  const body = JSON.stringify({ text: 'a'.repeat(10_000_000) });
  expect(await problemOf(server.send('POST', '/functions/echo', body))).toMatchInlineSnapshot(`
    {
      "code": "payload_too_large",
      "detail": "10000011 bytes or more are too many for a JSON body",
      "expected": "at most 1048576 bytes",
      "hint": "put large data into the store with POST /objects and send its digest",
      "instance": "/functions/echo",
      "retryable": false,
      "status": 413,
      "title": "The body is too large",
      "type": "urn:easel:problem:payload_too_large",
    }
  `);
});

test('ten megabytes of JSON without a length are refused', async () => {
  const piece = Buffer.alloc(65_536, 'a');
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent += piece.length;
      controller.enqueue(piece);
      if (sent > 10_000_000) controller.close();
    },
  });
  const answer = await server.app.request('/functions/echo', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
    duplex: 'half',
  } as RequestInit);
  expect(answer.status).toBe(413);
  expect(sent).toBeLessThan(2_000_000);
});

test('a body with another media type is refused', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await problemOf(server.send('POST', '/functions/echo', '{"text":"a"}', form))).toMatchInlineSnapshot(`
    {
      "code": "unsupported_media_type",
      "detail": "the body is declared as application/x-www-form-urlencoded",
      "expected": "application/json",
      "hint": "send it with -H 'content-type: application/json'",
      "instance": "/functions/echo",
      "retryable": false,
      "status": 415,
      "title": "The media type is not supported",
      "type": "urn:easel:problem:unsupported_media_type",
    }
  `);
});

test('a body that is not JSON, not an object, or nested too deeply is refused', async () => {
  expect(await problemOf(server.send('POST', '/functions/echo', '{"text":'))).toMatchInlineSnapshot(`
    {
      "code": "invalid_input",
      "detail": "the body is not JSON: Unexpected end of JSON input",
      "expected": "a JSON object",
      "instance": "/functions/echo",
      "retryable": false,
      "status": 400,
      "title": "The request is malformed",
      "type": "urn:easel:problem:invalid_input",
    }
  `);
  expect(await problemOf(server.send('POST', '/functions/echo', '[1]'))).toMatchObject({ status: 400 });
  const deep = `{"text":${'['.repeat(400_000)}${']'.repeat(400_000)}}`;
  expect(await problemOf(server.send('POST', '/functions/echo', deep))).toMatchObject({
    detail: 'the body is nested too deeply',
  });
  expect(await problemOf(server.send('POST', '/functions/echo'))).toMatchObject({ errors: [{ pointer: '/text' }] });
});

test.each([
  ['UTF-16', Buffer.from('\ufeff{"text":"a"}', 'utf16le'), 'the body is no text in UTF-8'],
  ['Latin-1', Buffer.from('{"text":"caf\u00e9"}', 'latin1'), 'the body is no text in UTF-8'],
  ['half a character', Buffer.from('{"text":"\\ud83d"}'), 'the body has a text with half a character'],
  ['half a character in a key', Buffer.from('{"a":{"\\ude00":1}}'), 'the body has a text with half a character'],
])('a body in %s is refused and not decoded with replacements', async (_, body, detail) => {
  const headers = { 'content-type': 'application/json' };
  const sent = server.app.request('/functions/echo', { method: 'POST', headers, body });
  expect(await problemOf(Promise.resolve(sent))).toMatchObject({ status: 400, detail });
});

test('a body in UTF-8 may have the mark of an editor, and whole characters as escapes', async () => {
  const headers = { 'content-type': 'application/json' };
  const body = Buffer.from('\ufeff{"text":"\\ud83d\\ude00"}');
  const sent = await server.app.request('/functions/echo', { method: 'POST', headers, body });
  expect(sent.status).toBe(200);
});

test('the error of a function becomes a problem document; a defect becomes 500', async () => {
  expect(await problemOf(server.send('POST', '/functions/refuse', {}))).toMatchInlineSnapshot(
    {
      instance: expect.stringMatching(/^\/runs\/sha256:[0-9a-f]{64}$/),
    },
    `
    {
      "code": "unprocessable",
      "detail": "it cannot be done",
      "expected": "something else",
      "hint": "do something else",
      "instance": StringMatching /\\^\\\\/runs\\\\/sha256:\\[0-9a-f\\]\\{64\\}\\$/,
      "retryable": false,
      "status": 422,
      "title": "Well-formed, but it cannot be done",
      "type": "urn:easel:problem:unprocessable",
    }
  `,
  );
  const defect = await server.send('POST', '/functions/refuse', { defect: true });
  const text = await defect.text();
  expect(defect.status).toBe(500);
  expect(text).toContain('x is not a function');
  expect(text).not.toContain('functions.ts');
});

test('a wrong Prefer header and a wrong flag are refused', async () => {
  expect((await server.send('POST', '/functions/echo', { text: 'a' }, { prefer: 'wait=soon' })).status).toBe(400);
  expect((await server.send('POST', '/functions/echo?skipCache=perhaps', { text: 'a' })).status).toBe(400);
});

test('events of a run are replayed from the start, or after Last-Event-ID', async () => {
  server.bench.gate.resolve();
  const { action } = await jsonOf(server.send('POST', '/functions/work', { name: 'a' }));
  const all = await server.send('GET', `/runs/${action}/events`);
  expect(all.headers.get('content-type')).toContain('text/event-stream');
  const text = await all.text();
  expect(text).toContain('retry: 2000\n\n');
  const events = readEvents(text);
  expect(events.map(({ id, event }) => `${id} ${event}`)).toEqual([
    '1 progress',
    '2 progress',
    '3 progress',
    '4 progress',
    '5 done',
  ]);
  expect(events.at(-1)?.data).toMatchObject({ action, cache: 'miss', result: { name: 'a' } });
  const rest = await server.send('GET', `/runs/${action}/events`, undefined, { 'last-event-id': '3' });
  expect(readEvents(await rest.text()).map(({ id }) => id)).toEqual(['4', '5']);
  expect((await server.send('GET', `/runs/${action}/events`, undefined, { 'last-event-id': 'x' })).status).toBe(400);
});

test('several clients can watch the events of a run', async () => {
  const { action } = await jsonOf(server.send('POST', '/functions/slow', { text: 'a' }, { prefer: 'wait=0' }));
  const watched = [1, 2].map(async () => readEvents(await (await server.send('GET', `/runs/${action}/events`)).text()));
  server.bench.gate.resolve();
  for (const events of await Promise.all(watched)) {
    expect(events.map(({ event }) => event)).toEqual(['progress', 'progress', 'done']);
  }
});

test('a client that stops watching a run does not disturb it', async () => {
  const { action } = await jsonOf(server.send('POST', '/functions/slow', { text: 'a' }, { prefer: 'wait=0' }));
  const watched = await server.send('GET', `/runs/${action}/events`);
  const reader = watched.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  server.bench.gate.resolve();
  expect(await jsonOf(server.send('GET', `/runs/${action}`, undefined, { prefer: 'wait=5' }))).toMatchObject({
    state: 'done',
  });
  expect(server.logged).toEqual([]);
});

test('a failed run ends its stream with the problem', async () => {
  const { instance } = await jsonOf(server.send('POST', '/functions/refuse', {}));
  const events = readEvents(await (await server.send('GET', `${instance}/events`)).text());
  expect(events).toMatchObject([
    { event: 'failed', data: { code: 'unprocessable', hint: 'do something else', instance } },
  ]);
  expect(await jsonOf(server.send('GET', instance))).toMatchObject({
    state: 'failed',
    problem: { status: 422 },
  });
});

test('DELETE stops a run, and the same call starts it again', async () => {
  const started = await server.send('POST', '/functions/slow', { text: 'a' }, { prefer: 'wait=0' });
  const location = started.headers.get('location') ?? '';
  const stopped = await server.send('DELETE', location);
  expect(stopped.status).toBe(202);
  expect(await jsonOf(stopped)).toMatchObject({ state: 'failed', problem: { code: 'cancelled', retryable: true } });
  server.bench.gate.resolve();
  const again = await server.send('POST', '/functions/slow', { text: 'a' });
  expect([again.status, again.headers.get('x-cache')]).toEqual([200, 'miss']);
});

test('another server shows the run', async () => {
  server.bench.gate.resolve();
  const { action } = await jsonOf(server.send('POST', '/functions/work', { name: 'a' }));
  await server.executor.close();
  const other = createTestServer({ store: server.store });
  expect(await jsonOf(other.send('GET', `/runs/${action}`))).toMatchObject({
    state: 'done',
    result: { name: 'a' },
  });
  const events = readEvents(await (await other.send('GET', `/runs/${action}/events`)).text());
  expect(events.map(({ event }) => event)).toEqual(['progress', 'progress', 'progress', 'progress', 'done']);
  expect((await other.send('GET', `/runs/${digestOf('no such run')}`)).status).toBe(404);
  expect((await other.send('GET', '/runs/nonsense')).status).toBe(400);
});
