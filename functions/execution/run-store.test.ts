import { beforeEach, expect, test } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import type { Clock } from '../../storage/clock.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { Run } from './run.ts';
import { startRun } from './run.ts';
import { createRunStore } from './run-store.ts';

const ACTION = digestOf('some action');

let time: FakeTime;
let clock: Clock;
let store: ObjectStore;
let gate: PromiseWithResolvers<void>;

beforeEach(() => {
  time = new FakeTime({ startsAt: Date.parse('2026-01-02T03:04:05Z') });
  clock = time.clock();
  store = createMemoryStore();
  gate = Promise.withResolvers();
});

function startWork(): Run {
  return startRun({
    action: ACTION,
    function: 'work',
    resolved: {},
    clock,
    async work(_, progress) {
      progress({ phase: 'first', done: 1, total: 2, metrics: { loss: 0.5 } });
      await gate.promise;
      progress({ phase: 'second' });
      return { action: ACTION, cache: 'miss' as const, result: { answer: 42 } };
    },
  });
}

async function readState() {
  return (await createRunStore(store, clock).find(ACTION))?.state();
}

async function keys(): Promise<string[]> {
  return (await store.list('runs/')).objects.map(({ key }) => key.replace(/-[0-9a-f]{8}\//, '/'));
}

test('another process sees a run after a second, and its end at once', async () => {
  const record = createRunStore(store, clock).record(startWork(), { effect: true });
  await time.advance(900);
  expect(await readState()).toBeUndefined();
  await time.advance(200);
  expect(await readState()).toMatchObject({
    state: 'running',
    function: 'work',
    progress: { phase: 'first', done: 1 },
  });
  gate.resolve();
  await record;
  expect(await readState()).toMatchObject({ state: 'done', cache: 'miss', result: { answer: 42 } });
  const folder = `runs/${ACTION.slice(7)}/20260102T030405000Z`;
  expect(await keys()).toEqual([`${folder}/events.jsonl`, `${folder}/state.json`]);
});

test('another process follows the events to the end', async () => {
  const record = createRunStore(store, clock).record(startWork(), { effect: true });
  await time.advance(1100);
  const found = await createRunStore(store, clock).find(ACTION);
  const seen: unknown[] = [];
  const following = (async () => {
    for await (const event of found?.events(0) ?? []) seen.push(event);
  })();
  const waiting = found?.wait(60_000);
  await time.advance(5000);
  expect(seen).toEqual([{ id: 1, data: { phase: 'first', done: 1, total: 2, metrics: { loss: 0.5 } } }]);
  gate.resolve();
  await time.advance(5000);
  await Promise.all([record, following]);
  expect(seen).toHaveLength(2);
  expect(await waiting).toMatchObject({ state: 'done', result: { answer: 42 } });
});

test('a run whose server went away has failed, with the advice to send the same call again', async () => {
  const run = startWork();
  void createRunStore(store, clock).record(run, { effect: true });
  await time.advance(1100);
  const left = await store.list('runs/');
  const [state] = left.objects.filter(({ key }) => key.endsWith('state.json'));
  const dead = createMemoryStore();
  await dead.put(state?.key ?? '', (await store.get(state?.key ?? ''))?.body ?? new Uint8Array());
  const find = async () => (await createRunStore(dead, clock).find(ACTION))?.state();
  expect(await find()).toMatchObject({ state: 'running' });
  await time.advance(61_000);
  expect(await find()).toMatchObject({
    state: 'failed',
    error: { code: 'conflict', retryable: true, hint: 'send the same call again: it goes on' },
  });
  // In the first store the server still renews the state.
  expect(await readState()).toMatchObject({ state: 'running' });
  gate.resolve();
});

test('the newest attempt of an action is found', async () => {
  for (const answer of [1, 2, 3]) {
    const run = startRun({
      action: ACTION,
      function: 'work',
      resolved: {},
      clock,
      work: async () => ({ action: ACTION, cache: 'miss' as const, result: { answer } }),
    });
    await createRunStore(store, clock).record(run, { effect: true });
    await time.advance(10);
  }
  expect(await readState()).toMatchObject({ result: { answer: 3 } });
});

test('short pure work is not recorded, failed work leaves its error', async () => {
  const runs = createRunStore(store, clock);
  gate.resolve();
  await runs.record(startWork(), { effect: false });
  expect(await keys()).toEqual([]);
  const failing = startRun({
    action: ACTION,
    function: 'work',
    resolved: {},
    clock,
    work: () => Promise.reject(new Unprocessable('it cannot be done', { details: { id: 7 } })),
  });
  await runs.record(failing, { effect: false });
  expect(await readState()).toMatchObject({ state: 'failed', error: { code: 'unprocessable', details: { id: 7 } } });
});

test('a failed run of an earlier version, with `retryAfterSeconds`, is read', async () => {
  const error = { code: 'busy', status: 503, message: 'full', retryable: true, details: {}, retryAfterSeconds: 3 };
  const record = { v: 1, action: ACTION, function: 'work', state: 'failed', error, links: [] };
  const body = Buffer.from(JSON.stringify({ ...record, updated_at: new Date().toISOString() }));
  await store.put(`runs/${ACTION.slice(7)}/20250101T000000000Z-0/state.json`, body);
  expect(await readState()).toMatchObject({ state: 'failed', error: { code: 'busy', message: 'full' } });
});

test('a store that refuses the progress does not disturb the run', async () => {
  const run = startWork();
  const broken: ObjectStore = { ...store, put: () => Promise.reject(new Error('the disk is full')) };
  const record = createRunStore(broken, clock).record(run, { effect: true });
  await time.advance(30_000);
  gate.resolve();
  await record;
  expect(run.snapshot()).toMatchObject({ state: 'done' });
});

test('a clock that jumps by a day changes neither waiting times nor records', async () => {
  let offset = 0;
  const jumping = time.clock(() => offset);
  const run = startWork();
  const record = createRunStore(store, jumping).record(run, { effect: true });
  await time.advance(1100);
  const found = await createRunStore(store, jumping).find(ACTION);
  let waited = 0;
  for (const jump of [-86_400_000, 86_400_000]) {
    const waiting = found?.wait(5000).then(() => waited++);
    await time.advance(1500);
    offset += jump;
    await time.advance(4500);
    await waiting;
  }
  expect(waited).toBe(2);
  offset = -86_400_000;
  gate.resolve();
  await record;
  expect(await readState()).toMatchObject({ state: 'done', result: { answer: 42 } });
});

test('only the newest attempts of an action are kept', async () => {
  const runs = createRunStore(store, clock);
  gate.resolve();
  for (let attempt = 0; attempt < 10; attempt++) {
    await time.advance(60_000);
    await runs.record(startWork(), { effect: true });
  }
  const kept = await keys();
  expect(kept).toHaveLength(8);
  expect(kept.at(-1)).toMatch(/20260102T031405000Z\/state\.json$/);
  expect(await readState()).toMatchObject({ state: 'done' });
});
