import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Busy, Cancelled } from '../../errors.ts';
import { digestOf } from '../../storage/digest.ts';
import { createControlApp } from '../process/control-app.ts';
import { createJobBoard, type JobBoard } from '../process/job-board.ts';
import type { JobTicket } from '../process/messages.ts';
import type { JobEvent, JobResult, RunnerStatus } from '../protocol.ts';
import { fakeChunk } from '../testing/fake-jobs.ts';
import { createRunnerClient } from './client.ts';

const SECRET = 'a secret for tests only';
const A = digestOf('a');
const result = (to: number): JobResult => ({ outputs: {}, links: [], stats: {}, to });
const never = () => new AbortController().signal;

interface FakeRunner {
  readonly board: JobBoard;
  readonly submitted: JobTicket[];
  readonly aborted: JobTicket[];
  readonly requests: string[];
  readonly lastEventIds: (string | null)[];
  /** Called before each answer; may throw like the network. */
  intercept: (request: Request, response: Response) => Response;
}

/** Runners in this process, and a fetch that reaches them without a network. */
function createFleet(statuses: Readonly<Record<string, Partial<RunnerStatus>>>) {
  const fleet = new Map<string, FakeRunner & { readonly handle: (request: Request) => Promise<Response> }>();
  for (const [name, status] of Object.entries(statuses)) {
    const submitted: JobTicket[] = [];
    const aborted: JobTicket[] = [];
    const board = createJobBoard({
      queueLimit: 2,
      boot: name,
      submit: ticket => submitted.push(ticket),
      abort: ticket => aborted.push(ticket),
    });
    const app = createControlApp({
      secret: SECRET,
      board,
      status: () => ({
        v: 1,
        pid: 1,
        uptime: 1,
        device: name,
        heartbeat_age_ms: 0,
        ...board.status(),
        engines: [],
        ...status,
      }),
    });
    fleet.set(`${name}:1`, {
      board,
      submitted,
      aborted,
      requests: [],
      lastEventIds: [],
      intercept: (_, response) => response,
      handle: async request => app.fetch(request),
    });
  }
  const fakeFetch: typeof fetch = async (input, init) => {
    const request = new Request(input instanceof Request ? input : String(input), init);
    const runner = fleet.get(new URL(request.url).host);
    if (runner === undefined) {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
    }
    // The Host check of the app is not the subject here.
    const local = new Request(request.url.replace(/\/\/[^/]+/, '//127.0.0.1'), request);
    runner.requests.push(`${request.method} ${new URL(request.url).pathname.split('/')[1]}`);
    if (request.url.includes('/events')) runner.lastEventIds.push(request.headers.get('last-event-id'));
    const response = runner.intercept(request, await runner.handle(local));
    // Like the real fetch: an abort breaks the request, or its unfinished body.
    request.signal.throwIfAborted();
    const body = response.body?.pipeThrough(new TransformStream(), { signal: request.signal });
    return new Response(body ?? null, response);
  };
  const get = (name: string): FakeRunner => {
    const runner = fleet.get(`${name}:1`);
    if (runner === undefined) throw new Error(`no runner ${name}`);
    return runner;
  };
  const client = createRunnerClient({
    addresses: Object.keys(statuses).map(name => `http://${name}:1`),
    secret: SECRET,
    fetch: fakeFetch,
    returnMs: 500,
    firstContactMs: 100,
  });
  return { client, get, fleet };
}

/** Ends the first job that a runner gets. */
async function finish(runner: FakeRunner, event: JobEvent = { type: 'done', result: result(1) }): Promise<void> {
  while (runner.submitted.length === 0) await new Promise(resolve => setTimeout(resolve, 5));
  runner.board.record(runner.submitted[0]?.id ?? 0, event);
}

const engine = (available: boolean) => [{ name: 'onnxruntime/cpu', available }];

test.each<[string, Readonly<Record<string, Partial<RunnerStatus>>>, string]>([
  ['the shortest queue', { a: { queued: 2 }, b: { queued: 1 }, c: { queued: 3 } }, 'b'],
  ['an idle one before a busy one', { a: { running: { action: A, kind: 'sample' } }, b: {} }, 'b'],
  [
    'one that has the engine, whatever its queue',
    { a: { engines: engine(false) }, b: { queued: 9, engines: engine(true) } },
    'b',
  ],
  ['one that does not shut down', { a: { stopping: true }, b: { queued: 5 } }, 'b'],
])('a job goes to %s', async (_, statuses, chosen) => {
  const { client, get } = createFleet(statuses);
  const run = client.run(A, fakeChunk(0, 1), { signal: never() });
  await finish(get(chosen));
  expect((await run).to).toBe(1);
});

test('a job goes to the runner that knows it, and a remembered result needs no events', async () => {
  const { client, get } = createFleet({ a: {}, b: { queued: 1 } });
  get('b').board.put(A, fakeChunk(0, 1));
  await finish(get('b'));
  expect((await client.run(A, fakeChunk(0, 1), { signal: never() })).to).toBe(1);
  expect(get('b').submitted).toHaveLength(1);
  expect(get('a').submitted).toHaveLength(0);
});

test('a runner with a full queue is skipped; when all queues are full, Busy names a time to try again', async () => {
  const { client, get } = createFleet({ a: { queued: 0 }, b: { queued: 1 } });
  for (const name of ['1', '2']) get('a').board.put(digestOf(name), fakeChunk(0, 1));
  const run = client.run(A, fakeChunk(0, 1), { signal: never() });
  await finish(get('b'));
  await run;
  for (const name of ['1', '2']) get('b').board.put(digestOf(name), fakeChunk(0, 1));
  const refused = client.run(digestOf('x'), fakeChunk(0, 1), { signal: never() });
  await expect(refused).rejects.toThrow(Busy);
  await expect(refused).rejects.toMatchObject({
    retryAfterSeconds: 10,
    message: expect.stringContaining('queue is full'),
  });
});

test('a broken stream continues after its last event; no event is lost or repeated', async () => {
  const { client, get } = createFleet({ a: {} });
  const runner = get('a');
  let cut = true;
  runner.intercept = (request, response) => {
    if (!request.url.includes('/events') || !cut) return response;
    cut = false;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    void (async () => {
      let bytes = 0;
      for await (const chunk of response.body ?? []) {
        await writer.write(chunk);
        bytes += chunk.length;
        if (bytes > 80) return await writer.abort(new Error('cut'));
      }
    })().catch(() => {});
    return new Response(readable, response);
  };
  const seen: JobEvent[] = [];
  const run = client.run(A, fakeChunk(0, 9), { signal: never(), onEvent: event => seen.push(event) });
  while (runner.submitted.length === 0) await new Promise(resolve => setTimeout(resolve, 5));
  for (let done = 1; done <= 9; done++) {
    runner.board.record(1, { type: 'progress', phase: 'train', done });
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  runner.board.record(1, { type: 'done', result: result(9) });
  expect((await run).to).toBe(9);
  expect(seen.flatMap(event => (event.type === 'progress' ? (event.done ?? []) : []))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
  expect(runner.lastEventIds).toEqual([null, expect.stringMatching(/^a\.1\.\d+$/)]);
  expect(runner.submitted).toHaveLength(1);
});

test('a job whose runner dies goes to another one', async () => {
  const { client, get, fleet } = createFleet({ a: {}, b: { queued: 1 } });
  const a = get('a');
  a.intercept = request => {
    if (!request.url.includes('/events')) return Response.json({ v: 1, action: A, state: 'queued' }, { status: 202 });
    fleet.delete('a:1');
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
  };
  const { intercept } = a;
  a.intercept = (request, response) =>
    request.method === 'GET' && request.url.endsWith('/status') ? response : intercept(request, response);
  const run = client.run(A, fakeChunk(0, 1), { signal: never() });
  await finish(get('b'));
  expect((await run).to).toBe(1);
});

test('a job whose runner was killed because memory ran out is not tried again', async () => {
  const statuses: Record<string, Partial<RunnerStatus>> = { a: { pid: 7 } };
  const { client, get, fleet } = createFleet(statuses);
  const a = get('a');
  a.intercept = (request, response) => {
    if (!request.url.includes('/events')) return response;
    // The next one, at the same address.
    const next = createFleet({ a: { pid: 8, killed_for_memory: true, memory: { limit_bytes: 3 * 2 ** 30 } } });
    for (const [name, runner] of next.fleet) fleet.set(name, runner);
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
  };
  const run = client.run(A, fakeChunk(0, 1), { signal: never() });
  await expect(run).rejects.toMatchObject({
    status: 422,
    message: 'the gpu-runner was killed because memory ran out during this train-chunk job',
    expected: 'a job that fits into the memory of the gpu-runner, 3.0 GiB',
  });
  expect(get('a').submitted).toEqual([]);
});

test('a job that comes after a kill for memory runs', async () => {
  const { client, get } = createFleet({ a: { killed_for_memory: true } });
  const run = client.run(A, fakeChunk(0, 1), { signal: never() });
  await finish(get('a'));
  expect((await run).to).toBe(1);
});

test('a job is given up after three submissions that the runner forgot', async () => {
  const { client, get } = createFleet({ a: {} });
  const runner = get('a');
  runner.intercept = (request, response) =>
    request.url.includes('/events')
      ? Response.json(
          {
            type: 'about:blank',
            title: 'not_found',
            detail: 'no job',
            code: 'not_found',
            status: 404,
            retryable: false,
          },
          { status: 404 },
        )
      : response;
  const phases: string[] = [];
  const run = client.run(A, fakeChunk(0, 1), {
    signal: never(),
    onEvent: event => event.type === 'progress' && phases.push(event.phase),
  });
  await expect(run).rejects.toThrow('went away 3 times');
  expect(runner.requests.filter(line => line === 'PUT jobs')).toHaveLength(3);
  expect(phases).toEqual(['waiting', 'waiting']);
});

test('cancelling stops the job at the runner, unless another client follows it', async () => {
  const { client, get } = createFleet({ a: {} });
  const runner = get('a');
  const [mine, theirs] = [new AbortController(), new AbortController()];
  const first = client.run(A, fakeChunk(0, 1), { signal: mine.signal });
  const second = client.run(A, fakeChunk(0, 1), { signal: theirs.signal });
  const firstEnded = expect(first).rejects.toThrow(Cancelled);
  while (runner.lastEventIds.length < 2) await new Promise(resolve => setTimeout(resolve, 5));
  mine.abort();
  await firstEnded;
  expect(runner.aborted).toHaveLength(0);
  theirs.abort();
  await expect(second).rejects.toThrow(Cancelled);
  expect(runner.aborted).toHaveLength(1);
});

test('a job that is cancelled while it is submitted does not stay at the runner', async () => {
  const { client, get } = createFleet({ a: {} });
  const runner = get('a');
  const controller = new AbortController();
  runner.intercept = (request, response) => {
    if (request.method === 'PUT') controller.abort();
    return response;
  };
  await expect(client.run(A, fakeChunk(0, 1), { signal: controller.signal })).rejects.toThrow(Cancelled);
  expect(runner.aborted.map(({ action }) => action)).toEqual([A]);
});

test('without any runner, a first call is Busy at once', async () => {
  const { client, fleet } = createFleet({ a: {}, b: {} });
  fleet.clear();
  const from = performance.now();
  await expect(client.run(A, fakeChunk(0, 1), { signal: never() })).rejects.toMatchObject({
    code: 'busy',
    message: 'no gpu-runner is reachable (http://a:1: ECONNREFUSED; http://b:1: ECONNREFUSED)',
  });
  expect(performance.now() - from).toBeLessThan(1000);
  await expect(client.status()).rejects.toThrow(Busy);
});

test('the status comes from a runner that answers; when the only runner is silent, it is Busy', async () => {
  const asleep = createServer().listen(0, '127.0.0.1');
  await once(asleep, 'listening');
  const { port } = asleep.address() as AddressInfo;
  const address = `http://127.0.0.1:${port}`;
  const { client: awake, fleet } = createFleet({ a: {} });
  expect((await awake.status()).device).toBe('a');
  const handle = fleet.get('a:1')?.handle;
  const doFetch: typeof fetch = async (input, init) =>
    String(input).startsWith(address)
      ? fetch(input, init)
      : ((await handle?.(new Request(String(input).replace('//a:', '//127.0.0.1:'), init))) ?? Response.error());
  const options = { secret: SECRET, fetch: doFetch };
  try {
    const both = createRunnerClient({ ...options, addresses: [address, 'http://a:1'] });
    expect((await both.status()).device).toBe('a');
    await expect(createRunnerClient({ ...options, addresses: [address] }).status()).rejects.toMatchObject({
      code: 'busy',
      status: 503,
    });
  } finally {
    asleep.close();
    asleep.closeAllConnections();
  }
});
