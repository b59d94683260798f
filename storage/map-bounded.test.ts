import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { mapBounded } from './map-bounded.ts';

const NUMBERS = Array.from({ length: 20 }, (_, i) => i);

async function* stream<T>(items: Iterable<T>, onEnd = () => {}): AsyncGenerator<T> {
  try {
    for (const item of items) {
      await setImmediate();
      yield item;
    }
  } finally {
    onEnd();
  }
}

describe.each([
  ['a list', () => NUMBERS],
  ['a stream', () => stream(NUMBERS)],
])('mapBounded over %s', (_, items) => {
  test('works on every item once, never on more than `width` at a time, and keeps their order', async () => {
    let running = 0;
    let most = 0;
    const doubled = await mapBounded(items(), { width: 3 }, async item => {
      most = Math.max(most, ++running);
      // The first of each three takes longest.
      for (let turn = item % 3; turn < 4; turn++) await setImmediate();
      running--;
      return 2 * item;
    });
    expect(doubled).toEqual(NUMBERS.map(item => 2 * item));
    expect(most).toBe(3);
  });

  test('begins no item after the first failure, and throws it when all work in progress has ended', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      await setImmediate();
      if (item === 1) throw new Error('one');
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      ended.push(item);
    };
    await expect(mapBounded(items(), { width: 2 }, work)).rejects.toThrow('one');
    expect(begun).toEqual([0, 1]);
    expect(ended).toEqual([0]);
  });

  test('begins no item when the signal has aborted', async () => {
    const seen: number[] = [];
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(mapBounded(items(), { width: 2, signal }, async item => seen.push(item))).rejects.toThrow('stop');
    expect(seen).toEqual([]);
  });

  test('begins no further item when the signal aborts', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const work = async (item: number) => {
      seen.push(item);
      if (item === 3) stop.abort(new Error('stop'));
      await setImmediate();
    };
    await expect(mapBounded(items(), { width: 1, signal: stop.signal }, work)).rejects.toThrow('stop');
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});

test('mapBounded of an empty list is an empty list', async () => {
  expect(await mapBounded([], { width: 4 }, async item => item)).toEqual([]);
});

test('mapBounded closes a stream that it leaves early', async () => {
  let closed = false;
  const items = stream(NUMBERS, () => {
    closed = true;
  });
  const fail = () => Promise.reject(new Error('broken'));
  await expect(mapBounded(items, { width: 4 }, fail)).rejects.toThrow('broken');
  expect(closed).toBe(true);
});

test('mapBounded throws what its stream throws', async () => {
  async function* broken() {
    yield 1;
    throw new Error('the listing broke');
  }
  await expect(mapBounded(broken(), { width: 4 }, async item => item)).rejects.toThrow('the listing broke');
});
