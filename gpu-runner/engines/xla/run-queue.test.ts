import { expect, it } from 'vitest';
import { RunQueue } from './run-queue.ts';

/** Runs that end when the test says so. */
function createRuns(queue: RunQueue) {
  const started: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const add = (id: number) => {
    ends[id] = Promise.withResolvers<void>();
    const { promise: done } = ends[id];
    return queue.add(() => {
      started.push(id);
      return { done, id };
    });
  };
  return { started, ends, add };
}

const turns = () => new Promise(resolve => setImmediate(resolve));

it('runs start in the order in which they were asked for, two at a time, and a failed one makes room, too', async () => {
  const queue = new RunQueue();
  const { started, ends, add } = createRuns(queue);
  const all = [0, 1, 2, 3].map(add);
  await turns();
  expect(started).toEqual([0, 1]);
  ends[0]?.reject(new Error('the device failed'));
  await turns();
  expect(started).toEqual([0, 1, 2]);
  ends[1]?.resolve();
  await turns();
  expect(started).toEqual([0, 1, 2, 3]);
  expect((await Promise.all(all)).map(({ id }) => id)).toEqual([0, 1, 2, 3]);
});

it('a run that does not start does not stop the next one', async () => {
  const queue = new RunQueue();
  const { started, add } = createRuns(queue);
  const refused = queue.add(() => {
    throw new Error('a feed is missing');
  });
  const next = add(0);
  await expect(refused).rejects.toThrow('a feed is missing');
  await next;
  expect(started).toEqual([0]);
});

it('drain waits for runs that wait for their turn', async () => {
  const queue = new RunQueue();
  const { started, ends, add } = createRuns(queue);
  for (const id of [0, 1, 2]) void add(id);
  let isIdle = false;
  const idle = queue.drain().then(() => {
    isIdle = true;
  });
  for (const id of [0, 1]) {
    await turns();
    ends[id]?.resolve();
  }
  await turns();
  expect([started.length, isIdle]).toEqual([3, false]);
  ends[2]?.resolve();
  await idle;
});
