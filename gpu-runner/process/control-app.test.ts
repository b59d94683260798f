import { expect, test } from 'vitest';
import { readServerSentEvents } from '../../formats/server-sent-events.ts';
import { digestOf } from '../../storage/digest.ts';
import { fakeChunk } from '../testing/fake-jobs.ts';
import { createControlApp } from './control-app.ts';
import { createJobBoard } from './job-board.ts';

const A = digestOf('a');
const AUTHORIZED = { authorization: 'Bearer the right secret' };

function setUp(keepAliveMs = 60_000) {
  const board = createJobBoard({ queueLimit: 4, boot: 'boot', submit: () => {}, abort: () => {} });
  const app = createControlApp({
    secret: 'the right secret',
    board,
    keepAliveMs,
    status: () => ({
      v: 1,
      pid: 1,
      uptime: 1,
      device: 'x',
      heartbeat_age_ms: 0,
      ...board.status(),
      engines: [],
    }),
  });
  return { board, app };
}

const put = (body: string) => ({ method: 'PUT', headers: AUTHORIZED, body });

test.each([
  ['no credentials', {}, 401],
  ['another secret', { authorization: 'Bearer the wrong secret' }, 401],
  ['the secret under another scheme', { authorization: 'Basic the right secret' }, 401],
  ['a foreign Host', { ...AUTHORIZED, host: 'evil.example:8789' }, 403],
  ['a Host that only begins like loopback', { ...AUTHORIZED, host: '127.0.0.1.evil.example' }, 403],
  ['loopback by name', { ...AUTHORIZED, host: 'localhost:8789' }, 200],
  ['loopback of IPv6', { ...AUTHORIZED, host: '[::1]:8789' }, 200],
])('%s: %j gives %i', async (_, headers: Record<string, string>, status) => {
  const { app } = setUp();
  const response = await app.request('http://127.0.0.1/status', { headers });
  expect(response.status).toBe(status);
});

test('a malformed job gets a problem document', async () => {
  const { app, board } = setUp();
  const send = async (path: string, body: string) => {
    const response = await app.request(`http://127.0.0.1${path}`, put(body));
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    return [response.status, ((await response.json()) as { code: string }).code];
  };
  expect(await send('/jobs/a', JSON.stringify(fakeChunk(0, 1)))).toEqual([400, 'invalid_input']);
  expect(await send(`/jobs/${A}`, '{')).toEqual([400, 'invalid_input']);
  expect(await send(`/jobs/${A}`, JSON.stringify({ ...fakeChunk(0, 1), extra: 1 }))).toEqual([400, 'invalid_input']);
  expect(await send(`/jobs/${A}`, ' '.repeat((1 << 20) + 1))).toEqual([413, 'payload_too_large']);
  expect(await send('/elsewhere', '{}')).toEqual([404, 'not_found']);
  expect(board.status().queued).toBe(0);
});

test('the problem of a malformed job names the key, or the known kinds', async () => {
  const { app } = setUp();
  const detailOf = async (job: object) => {
    const response = await app.request(`http://127.0.0.1/jobs/${A}`, put(JSON.stringify(job)));
    return ((await response.json()) as { detail: string }).detail;
  };
  expect(await detailOf({ ...fakeChunk(0, 1), extra: 1 })).toContain('"extra"');
  expect(await detailOf({ ...fakeChunk(0, 1), kind: 'bake' })).toContain("'train-chunk' | 'tune' | 'sample'");
});

test('events arrive as they happen, comments fill the pauses, and the stream ends after the last event', async () => {
  const { app, board } = setUp(20);
  board.put(A, fakeChunk(0, 1));
  board.record(1, { type: 'progress', phase: 'train' });
  const response = await app.request(`http://127.0.0.1/jobs/${A}/events`, { headers: AUTHORIZED });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  if (response.body === null) throw new Error('no body');
  let chunks = 0;
  const events: string[] = [];
  for await (const event of readServerSentEvents(response.body, () => {
    chunks += 1;
    if (chunks === 4) board.record(1, { type: 'done', result: { outputs: {}, links: [], stats: {} } });
  })) {
    events.push(`${event.id} ${event.event}`);
  }
  expect(events).toEqual(['boot.1.1 progress', 'boot.1.2 done']);
  expect(chunks).toBeGreaterThanOrEqual(4);
});
