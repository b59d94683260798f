import { expect, test } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { fakeChunk, fakePlan, fakeSample } from '../testing/fake-jobs.ts';
import { createJobQueue, type JobQueue } from './job-queue.ts';
import type { JobTicket } from './messages.ts';

const JOBS = { train: () => fakeChunk(0, 1), sample: fakeSample, plan: fakePlan } as const;

const ticket = (id: number, kind: keyof typeof JOBS): JobTicket => ({
  id,
  slot: id,
  action: digestOf(String(id)),
  job: JOBS[kind](id),
});

/** Jobs end when `end` is called; each logs its begin and end. */
function setUp() {
  const log: string[] = [];
  const ends = new Map<number, () => void>();
  const queue: JobQueue = createJobQueue(async ({ id }) => {
    log.push(`+${id}`);
    await new Promise<void>(resolve => ends.set(id, resolve));
    log.push(`-${id}`);
  });
  const settle = () => new Promise(resolve => setImmediate(resolve));
  const end = async (id: number) => {
    await settle();
    ends.get(id)?.();
    await settle();
  };
  return { log, queue, end, settle };
}

test('one job runs at a time, samples before chunks, each kind in order', async () => {
  const { log, queue, end } = setUp();
  queue.add(ticket(1, 'train'));
  queue.add(ticket(2, 'train'));
  queue.add(ticket(3, 'sample'));
  queue.add(ticket(4, 'sample'));
  for (const id of [1, 3, 4, 2]) await end(id);
  expect(log).toEqual(['+1', '-1', '+3', '-3', '+4', '-4', '+2', '-2']);
});

test('samples that wait when a chunk breathes run inside it, once', async () => {
  const { log, queue, end, settle } = setUp();
  queue.add(ticket(1, 'train'));
  await settle();
  queue.add(ticket(2, 'train'));
  queue.add(ticket(3, 'sample'));
  const beside = queue.runInteractive();
  queue.add(ticket(4, 'sample'));
  await end(3);
  await beside;
  expect(log).toEqual(['+1', '+3', '-3']);
  for (const id of [1, 4, 2]) await end(id);
  expect(log).toEqual(['+1', '+3', '-3', '-1', '+4', '-4', '+2', '-2']);
});

test('a waiting job can be removed, a running job cannot', async () => {
  const { log, queue, end, settle } = setUp();
  queue.add(ticket(1, 'train'));
  await settle();
  queue.add(ticket(2, 'train'));
  expect(queue.remove(2)).toBe(true);
  expect(queue.remove(2)).toBe(false);
  expect(queue.remove(1)).toBe(false);
  await end(1);
  expect(log).toEqual(['+1', '-1']);
});

test('draining waits for the running job and returns the waiting jobs', async () => {
  const { log, queue, end, settle } = setUp();
  queue.add(ticket(1, 'train'));
  await settle();
  queue.add(ticket(2, 'train'));
  queue.add(ticket(3, 'sample'));
  const drained = queue.drain();
  await end(1);
  expect((await drained).map(({ id }) => id)).toEqual([2, 3]);
  expect(log).toEqual(['+1', '-1']);
});

test('a job that does not use the device runs beside the others, one at a time, and drain waits for it', async () => {
  const { log, queue, end, settle } = setUp();
  queue.add(ticket(1, 'train'));
  queue.add(ticket(2, 'plan'));
  queue.add(ticket(3, 'plan'));
  await settle();
  expect(log).toEqual(['+1', '+2']);
  await end(2);
  await settle();
  expect(log).toEqual(['+1', '+2', '-2', '+3']);
  const drained = queue.drain();
  await end(1);
  await end(3);
  expect(await drained).toEqual([]);
  expect(log.slice(-2)).toEqual(['-1', '-3']);
});
