import { expect, test } from 'vitest';
import { FakeTime, SLEEP_PASSES } from './fake-time.ts';

test('sleepers wake in the order of their time, when the test has moved it that far', async () => {
  const time = new FakeTime();
  const clock = time.clock();
  const woken: string[] = [];
  void clock.sleep(2000).then(() => woken.push('late'));
  void clock.sleep(1000).then(() => woken.push('early'));
  await time.advance(999);
  expect(woken).toEqual([]);
  await time.advance(1);
  expect(woken).toEqual(['early']);
  await time.advance(5000);
  expect(woken).toEqual(['early', 'late']);
  expect(clock.monotonic()).toBe(6000);
});

test('a clock that jumps shows another time of day, and its durations stay right', () => {
  const time = new FakeTime({ startsAt: 0 });
  let offset = 0;
  const clock = time.clock(() => offset);
  time.pass(10);
  offset = -86_400_000;
  expect(clock.now()).toBe(10 - 86_400_000);
  expect(clock.monotonic()).toBe(10);
});

test('a sleep can move the time by itself', async () => {
  const time = new FakeTime(SLEEP_PASSES);
  const clock = time.clock();
  await clock.sleep(300);
  await clock.sleep(200);
  expect(clock.monotonic()).toBe(500);
  expect(time.sleeps).toEqual([300, 200]);
});

test.each([
  ['waits', {}],
  ['passes', SLEEP_PASSES],
])('an abort ends a sleep that %s', async (_, options) => {
  const time = new FakeTime(options);
  const stop = new AbortController();
  const sleeping = time.clock().sleep(1000, stop.signal);
  stop.abort(new Error('stop'));
  await expect(sleeping).rejects.toThrow('stop');
  await expect(time.clock().sleep(1000, stop.signal)).rejects.toThrow('stop');
  expect(time.clock().monotonic()).toBe(0);
});
