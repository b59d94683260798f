import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mapAhead } from './map-ahead.ts';

test('results come in order, and no more than the width are under way', async () => {
  let running = 0;
  let most = 0;
  const work = async (ms: number) => {
    most = Math.max(most, ++running);
    await sleep(ms);
    running--;
    return ms;
  };
  const got: number[] = [];
  for await (const ms of mapAhead([8, 1, 5, 0, 3], 3, work)) got.push(ms);
  expect(got).toEqual([8, 1, 5, 0, 3]);
  expect(most).toBe(3);
});

test('a failure is thrown in its turn, after the results before it, and nothing more begins', async () => {
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 1) throw new Error('broken');
    return item;
  };
  const got: number[] = [];
  const read = async () => {
    for await (const item of mapAhead([0, 1, 2, 3, 4, 5], 2, work)) got.push(item);
  };
  await expect(read()).rejects.toThrow('broken');
  expect(got).toEqual([0]);
  expect(begun.length).toBeLessThan(5);
});
