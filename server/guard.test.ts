import { expect, test } from 'vitest';
import { createTestServer, problemOf } from './testing/server.ts';

const TOKEN = 'a token of enough length';
const open = createTestServer();
const closed = createTestServer({ env: { EASEL_HOST: '0.0.0.0', EASEL_TOKEN: TOKEN } });

test('only names of this machine are served, against DNS rebinding', async () => {
  for (const host of ['localhost', '127.0.0.1:8787', '[::1]:8787', 'LOCALHOST:1']) {
    expect((await open.send('GET', '/functions', undefined, { host })).status).toBe(200);
  }
  expect(
    await problemOf(open.send('GET', '/functions', undefined, { host: 'evil.example:8787' })),
  ).toMatchInlineSnapshot(`
    {
      "code": "forbidden",
      "detail": "this server is not called "evil.example"",
      "expected": "a Host header of localhost or 127.0.0.1",
      "hint": "use http://127.0.0.1, or set EASEL_HOST and EASEL_TOKEN to serve other names",
      "instance": "/functions",
      "retryable": false,
      "status": 403,
      "title": "Not allowed from there",
      "type": "urn:easel:problem:forbidden",
    }
  `);
  for (const host of ['127.0.0.1.evil.example', 'localhost.evil.example', '']) {
    expect((await open.send('GET', '/functions', undefined, { host })).status).toBe(403);
  }
});

test('pages of other origins may not call the server', async () => {
  const host = 'localhost:8787';
  expect(
    await problemOf(open.send('POST', '/functions/echo', { text: 'a' }, { host, origin: 'https://evil.example' })),
  ).toMatchInlineSnapshot(`
    {
      "code": "forbidden",
      "detail": "a page of https://evil.example may not call this server",
      "expected": "the same origin, or no browser",
      "instance": "/functions/echo",
      "retryable": false,
      "status": 403,
      "title": "Not allowed from there",
      "type": "urn:easel:problem:forbidden",
    }
  `);
  for (const origin of ['null', 'http://localhost:8788', 'http://127.0.0.1:8787', 'file://']) {
    expect((await open.send('GET', '/functions', undefined, { host, origin })).status).toBe(403);
  }
  expect((await open.send('GET', '/functions', undefined, { host, origin: 'http://localhost:8787' })).status).toBe(200);
  expect((await open.send('DELETE', '/datasets/a', undefined, { host, 'sec-fetch-site': 'cross-site' })).status).toBe(
    403,
  );
  expect((await open.send('GET', '/', undefined, { host, 'sec-fetch-site': 'cross-site' })).status).toBe(200);
});

test('a form is refused by every call that expects JSON', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = open.send('PUT', '/datasets/a', 'dataset=1', { 'content-type': type });
    expect(await problemOf(answer)).toMatchObject({ status: 415, expected: 'application/json' });
  }
});

test('with EASEL_TOKEN set, a call without it learns only that the server is up', async () => {
  expect(await problemOf(closed.send('GET', '/functions'))).toMatchInlineSnapshot(`
    {
      "code": "unauthorized",
      "detail": "no token was sent",
      "expected": "the header "authorization: Bearer <EASEL_TOKEN>"",
      "hint": "curl -H 'authorization: Bearer '$EASEL_TOKEN",
      "instance": "/functions",
      "retryable": false,
      "status": 401,
      "title": "No valid credentials",
      "type": "urn:easel:problem:unauthorized",
    }
  `);
  expect((await closed.send('GET', '/functions')).headers.get('www-authenticate')).toContain('Bearer');
  for (const authorization of [`Bearer ${TOKEN}x`, 'Bearer ', `Basic ${TOKEN}`, TOKEN]) {
    expect((await closed.send('GET', '/functions', undefined, { authorization })).status).toBe(401);
    expect((await closed.send('GET', '/health', undefined, { authorization })).status).toBe(401);
  }
  const health = await closed.send('GET', '/health');
  expect(Object.keys((await health.json()) as object)).toEqual(['v', 'status', 'version']);
  expect((await closed.send('GET', '/functions', undefined, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
});

test('slashes at the end of a path or doubled change nothing, also for the guard', async () => {
  for (const path of [
    '/functions/',
    '/functions//',
    '//functions',
    '/functions/echo/',
    '/health/',
    '/functions/?x=1',
  ]) {
    expect((await open.send('GET', path)).status, path).toBe(200);
  }
  expect((await open.send('POST', '/functions/echo/', { text: 'a' })).status).toBe(200);
  expect((await open.send('GET', '/')).status).toBe(200);
  expect((await closed.send('GET', '/health/')).status).toBe(200);
  for (const path of ['/functions/', '//functions', '/health/../functions']) {
    expect((await closed.send('GET', path)).status, path).toBe(401);
  }
  const asForm = open.send('POST', '/functions/echo//', 'text=1', { 'content-type': 'text/plain' });
  expect((await asForm).status).toBe(415);
  expect(await problemOf(open.send('GET', '/nothing/'))).toMatchObject({ status: 404, detail: 'there is no /nothing' });
});

test('an unknown path answers 404, a wrong method 405', async () => {
  expect(await problemOf(open.send('GET', '/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
  const answer = await open.send('DELETE', '/functions/echo');
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
});
