import { beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../storage/clock.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import { createRunLog, type RunLog } from './run-log.ts';

let time: FakeTime;
let clock: Clock;
beforeEach(() => {
  time = new FakeTime();
  clock = time.clock();
});

async function readAll(log: RunLog, after = 0): Promise<(number | undefined)[]> {
  const seen: (number | undefined)[] = [];
  for await (const event of log.follow(after)) seen.push(event.data.done);
  return seen;
}

test('a late follower gets all events after any id', async () => {
  const log = createRunLog(clock);
  for (const phase of ['a', 'b', 'c']) log.add({ phase });
  log.end();
  const ids = [];
  for await (const event of log.follow(1)) ids.push(`${event.id}:${event.data.phase}`);
  expect(ids).toEqual(['2:b', '3:c']);
});

test('of the events of one phase within 200 ms the newest is kept, and the last event is never lost', async () => {
  const log = createRunLog(clock);
  const seen = readAll(log);
  for (let done = 0; done < 100; done++) {
    log.add({ phase: 'pages', done });
    await time.advance(20);
  }
  log.end();
  const events = await seen;
  expect(events.length).toBeLessThanOrEqual(12);
  expect(events.length).toBeGreaterThanOrEqual(10);
  expect(events[0]).toBe(0);
  expect(events.at(-1)).toBe(99);
});

test('the first event of a phase is never delayed', async () => {
  const log = createRunLog(clock);
  log.add({ phase: 'a', done: 1 });
  log.add({ phase: 'a', done: 2 });
  log.add({ phase: 'b', done: 1 });
  expect(log.entries.map(entry => `${entry.data.phase}${entry.data.done}`)).toEqual(['a1', 'a2', 'b1']);
});

test('a long log loses old events and stays in order', async () => {
  const log = createRunLog(clock);
  for (let done = 0; done < 20_000; done++) log.add({ phase: done % 2 === 0 ? 'a' : 'b', done });
  expect(log.entries.length).toBeLessThanOrEqual(4000);
  log.end();
  const events = (await readAll(log)).map(Number);
  expect(events[0]).toBe(0);
  expect(events.at(-1)).toBe(19_999);
  expect(events).toEqual(events.toSorted((a, b) => a - b));
  expect(events.slice(-1900)).toEqual(Array.from({ length: 1900 }, (_, i) => 18_100 + i));
});

test('an abort ends a waiting follower', async () => {
  const log = createRunLog(clock);
  const controller = new AbortController();
  const done = (async () => {
    for await (const _ of log.follow(0, controller.signal)) throw new Error('there are no events');
    return 'ended';
  })();
  controller.abort();
  expect(await done).toBe('ended');
});

test('a clock that is set back does not delay an event', async () => {
  let offset = 0;
  const log = createRunLog(time.clock(() => offset));
  log.add({ phase: 'a', done: 1 });
  offset = -86_400_000;
  log.add({ phase: 'a', done: 2 });
  await time.advance(250);
  expect(log.entries.map(({ data }) => data.done)).toEqual([1, 2]);
});
