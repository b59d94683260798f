import { describe, expect, test } from 'vitest';
import { samplingSchema } from '../../configs/sampling.ts';
import { Busy, NotFound, Unprocessable } from '../../errors.ts';
import { digestOf } from '../../storage/digest.ts';
import type { Job, JobEvent, JobResult } from '../protocol.ts';
import { createJobBoard } from './job-board.ts';
import type { JobTicket } from './messages.ts';

const engine = { name: 'reference', precision: 'f32', threads: 1 } as const;
const plan = { micro_batch: 1, gradient_checkpointing: false };
const chunk = (to: number): Job => ({
  kind: 'train-chunk',
  config: digestOf('config'),
  dataset: digestOf('dataset'),
  from: 0,
  to,
  engine,
  plan,
});
const sample = (seed: number): Job => ({
  kind: 'sample',
  network: { checkpoint: digestOf('checkpoint'), weights: 'ema' },
  conditions: digestOf('conditions'),
  width: 8,
  height: 8,
  ...samplingSchema.parse({ steps: 1, guidance: 1, seed }),
  first: 0,
  engine,
});
const result: JobResult = { outputs: {}, links: [], stats: {} };
const done: JobEvent = { type: 'done', result };
const failed: JobEvent = {
  type: 'failed',
  error: { code: 'internal', status: 500, message: 'no', retryable: false },
};

function setUp(queueLimit = 4) {
  const submitted: JobTicket[] = [];
  const aborted: JobTicket[] = [];
  const board = createJobBoard({
    queueLimit,
    boot: 'boot',
    submit: ticket => submitted.push(ticket),
    abort: ticket => aborted.push(ticket),
  });
  const last = () => submitted.at(-1)?.id ?? 0;
  return { board, submitted, aborted, last };
}

const A = digestOf('a');
const B = digestOf('b');

describe('putting a job', () => {
  test('an equal job joins the running one, later gets its result; another job under that action is refused', () => {
    const { board, submitted, last } = setUp();
    expect(board.put(A, chunk(1))).toEqual({ v: 1, action: A, state: 'queued' });
    board.markStarted(last());
    expect(board.put(A, { ...chunk(1) }).state).toBe('running');
    board.record(last(), done);
    expect(board.put(A, chunk(1))).toEqual({ v: 1, action: A, state: 'done', result });
    expect(submitted).toHaveLength(1);
    expect(() => board.put(A, chunk(2))).toThrow(Unprocessable);
  });

  test('a failed job runs again under a new ticket', () => {
    const { board, submitted, last } = setUp();
    board.put(A, chunk(1));
    board.record(last(), failed);
    expect(board.put(A, chunk(1)).state).toBe('queued');
    expect(submitted.map(ticket => ticket.id)).toEqual([1, 2]);
  });

  test('the queue is bounded without the running jobs, and no two live jobs share a slot', () => {
    const { board, submitted, last } = setUp(2);
    for (const name of ['1', '2']) {
      board.put(digestOf(name), chunk(1));
      board.markStarted(last());
    }
    board.put(digestOf('3'), chunk(1));
    board.put(digestOf('4'), chunk(1));
    expect(() => board.put(digestOf('5'), chunk(1))).toThrow(Busy);
    expect(new Set(submitted.map(ticket => ticket.slot)).size).toBe(4);
    board.record(1, done);
    board.markStarted(3);
    board.put(digestOf('5'), chunk(1));
    expect(last()).toBe(5);
    expect(submitted.at(-1)?.slot).toBe(submitted[0]?.slot);
  });

  test('the results of the last 64 finished actions are remembered', () => {
    const { board, submitted, last } = setUp();
    for (let i = 0; i < 65; i++) {
      board.put(digestOf(`${i}`), chunk(1));
      board.record(last(), done);
    }
    expect(board.put(digestOf('1'), chunk(1)).state).toBe('done');
    expect(() => board.look(digestOf('0'))).toThrow(NotFound);
    expect(board.put(digestOf('0'), chunk(1)).state).toBe('queued');
    expect(submitted).toHaveLength(66);
  });
});

describe('following a job', () => {
  test('events after Last-Event-ID are replayed, and all events for an id of an earlier try', async () => {
    const { board, last } = setUp();
    board.put(A, chunk(1));
    board.markStarted(last());
    board.record(last(), { type: 'progress', phase: 'train', done: 1 });
    board.record(last(), { type: 'progress', phase: 'train', done: 2 });
    const watcher = board.watch(A, 'x', undefined);
    const first = await watcher.next(10);
    expect(first?.map(({ event }) => event)).toEqual([
      { type: 'progress', phase: 'train', done: 1 },
      { type: 'progress', phase: 'train', done: 2 },
    ]);
    expect(await watcher.next(5)).toEqual([]);
    board.record(last(), failed);
    expect(await watcher.next(10)).toEqual([{ id: 'boot.1.3', event: failed }]);
    expect(await watcher.next(10)).toBeUndefined();
    expect(await board.watch(A, 'x', 'boot.1.2').next(10)).toEqual([{ id: 'boot.1.3', event: failed }]);
    board.put(A, chunk(1));
    board.record(last(), failed);
    expect((await board.watch(A, 'x', 'boot.1.2').next(10))?.[0]?.id).toBe('boot.2.1');
    expect((await board.watch(A, 'x', 'earlier.2.1').next(10))?.[0]?.id).toBe('boot.2.1');
  });

  test('a waiting job learns how many jobs are before it; a sample counts samples and the running job', async () => {
    const { board } = setUp();
    const names = ['1', '2', '3'].map(digestOf);
    board.put(names[0] ?? A, chunk(1));
    board.markStarted(1);
    board.put(names[1] ?? A, chunk(1));
    board.put(names[2] ?? A, sample(1));
    const positions = async (action: string | undefined) =>
      (await board.watch(action ?? A, 'x', undefined).next(10))?.map(({ event }) =>
        event.type === 'queued' ? event.position : event.type,
      );
    expect(await positions(names[0])).toEqual([]);
    expect(await positions(names[1])).toEqual([1, 2]);
    expect(await positions(names[2])).toEqual([1]);
    board.record(1, done);
    expect(await positions(names[1])).toEqual([1, 2, 1]);
    expect(await positions(names[2])).toEqual([1, 0]);
  });

  test('a waiting watcher wakes at once when the runner stops', async () => {
    const { board } = setUp();
    board.put(A, chunk(1));
    const watcher = board.watch(A, 'x', undefined);
    await watcher.next(10);
    const next = watcher.next(60_000);
    board.stop();
    expect(await next).toBeUndefined();
    expect(() => board.put(B, chunk(1))).toThrow(/shutting down/);
    expect(board.status().stopping).toBe(true);
  });
});

test('a job that another client follows is cancelled only after that client has left', () => {
  const { board, aborted } = setUp();
  board.put(A, chunk(1));
  const mine = board.watch(A, 'me', undefined);
  const theirs = board.watch(A, 'they', undefined);
  expect(board.cancel(A, 'me')).toBe(false);
  theirs.close();
  expect(board.cancel(A, 'me')).toBe(true);
  mine.close();
  expect(aborted.map(ticket => ticket.action)).toEqual([A]);
  expect(board.cancel(A, undefined)).toBe(true);
  board.record(1, failed);
  expect(board.cancel(A, undefined)).toBe(false);
  expect(() => board.cancel(B, undefined)).toThrow(NotFound);
});
