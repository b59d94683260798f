import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runEach } from './run-each.ts';

test('every item once, no more than so many at a time', async () => {
  const seen: number[] = [];
  let running = 0;
  let most = 0;
  await runEach(
    Array.from({ length: 20 }, (_, i) => i),
    3,
    async item => {
      most = Math.max(most, ++running);
      await setImmediate();
      seen.push(item);
      running--;
    },
  );
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(most).toBe(3);
});

test('the first failure stops what has not begun, and is thrown when the rest has ended', async () => {
  const ended: number[] = [];
  const work = async (item: number) => {
    await setImmediate();
    if (item === 1) throw new Error('one');
    await setImmediate();
    ended.push(item);
  };
  await expect(runEach([0, 1, 2, 3, 4, 5], 2, work)).rejects.toThrow('one');
  expect(ended.length).toBeLessThan(4);
  expect(ended).toContain(0);
});

test('an aborted signal lets nothing begin', async () => {
  const seen: number[] = [];
  const work = async (item: number) => void seen.push(item);
  await expect(runEach([1, 2], 2, work, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  expect(seen).toEqual([]);
});
