import { describe, expect, it } from 'vitest';
import { Ambiguous, Conflict, Corrupt, Internal, PreconditionFailed, Unreachable } from '../errors.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { interceptStore } from './intercept.ts';
import { type PatienceOptions, withPatience } from './patience.ts';
import { FakeTime, SLEEP_PASSES } from './testing/fake-time.ts';
import type { Etag, ObjectStore } from './types.ts';

const body = new Uint8Array([1]);
const away = new Unreachable('connection refused');
const lost = new Ambiguous('the answer was lost');

/** Makes waits as long as possible. */
const longest = () => 1 - Number.EPSILON;

/** A patient store over a store whose operations first fail with these errors, one after another. */
function setUp(failures: readonly Error[], options: PatienceOptions = {}) {
  const time = new FakeTime(SLEEP_PASSES);
  const lines: string[] = [];
  const left = [...failures];
  let calls = 0;
  const memory = createMemoryStore();
  const failing = interceptStore(memory, async (_call, run) => {
    calls++;
    const failure = left.shift();
    if (failure) throw failure;
    return run();
  });
  const store = withPatience(failing, {
    clock: time.clock(),
    random: longest,
    log: line => lines.push(line),
    ...options,
  });
  return { store, memory, time, lines, left, calls: () => calls };
}

const OPERATIONS: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  get: store => store.get('a'),
  'get of a range': store => store.get('a', { start: 0 }),
  head: store => store.head('a'),
  list: store => store.list(''),
  delete: store => store.delete('a'),
  copy: store => store.copy('a', 'b'),
  put: store => store.put('a', body),
};
const CONDITIONAL: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  create: store => store.put('new', body, { ifNoneMatch: '*' }),
  'compare and swap': store => store.put('a', body, { ifMatch: 'x' as Etag }),
};

describe('patience', () => {
  for (const [name, operate] of Object.entries(OPERATIONS)) {
    it(`repeats ${name} until the store is back`, async () => {
      const { store, memory, left, calls, time } = setUp([away, lost, away]);
      await memory.put('a', body);
      await operate(store);
      expect(left).toEqual([]);
      expect(calls()).toBe(4);
      expect(time.sleeps.map(Math.round)).toEqual([100, 200, 400]);
    });
  }

  for (const [name, operate] of Object.entries(CONDITIONAL)) {
    it(`repeats ${name} when nothing arrived, and never when something may have arrived`, async () => {
      const unheard = setUp([away, lost]);
      await expect(operate(unheard.store)).rejects.toBe(lost);
      expect(unheard.calls()).toBe(2);
    });
  }

  it('throws every other error at once', async () => {
    for (const error of [
      new PreconditionFailed('exists'),
      new Conflict('busy'),
      new Internal('denied'),
      new Error('x'),
    ]) {
      const { store, calls } = setUp([error]);
      await expect(store.put('a', body)).rejects.toBe(error);
      expect(calls()).toBe(1);
    }
  });

  it('reads damaged bytes twice and not three times', async () => {
    const damaged = new Corrupt('flipped');
    const once = setUp([damaged]);
    await once.memory.put('a', body);
    expect((await once.store.get('a'))?.body).toEqual(body);
    expect(once.time.sleeps).toEqual([]);
    const twice = setUp([damaged, damaged]);
    await expect(twice.store.get('a')).rejects.toBe(damaged);
  });

  it('spends no more than its budget', async () => {
    const failures = Array.from({ length: 1000 }, () => away);
    const { store, time, left, lines } = setUp(failures, { budgetMs: 20_000 });
    await expect(store.head('a')).rejects.toBe(away);
    expect(time.clock().monotonic()).toBe(20_000);
    expect(1000 - left.length).toBe(time.sleeps.length + 1);
    expect(Math.max(...time.sleeps)).toBeLessThanOrEqual(5000);
    expect(lines).toHaveLength(1);
  });

  it('counts the time of the attempts, from the first failure on', async () => {
    const { store, time, calls } = setUp([]);
    const slow = withPatience(
      interceptStore(store, async () => {
        time.pass(30_000);
        throw away;
      }),
      { clock: time.clock(), random: longest, budgetMs: 60_000, log: () => {} },
    );
    await expect(slow.head('a')).rejects.toBe(away);
    expect(time.sleeps.length).toBeLessThanOrEqual(3);
    expect(time.clock().monotonic()).toBeLessThan(130_000);
    expect(calls()).toBe(0);
  });

  it('waits a random share of each interval', async () => {
    const { store, memory, time } = setUp([away, away], { random: () => 0.25 });
    await memory.put('a', body);
    await store.get('a');
    expect(time.sleeps).toEqual([25, 50]);
  });

  it('logs once that it waits and once that the store is back, for any number of waiting operations', async () => {
    const { store, memory, lines } = setUp(Array.from({ length: 20 }, () => away));
    await memory.put('a', body);
    await Promise.all(Array.from({ length: 10 }, () => store.get('a')));
    expect(lines).toEqual([
      'waiting for memory:, at most 90 s for each operation: connection refused',
      expect.stringMatching(/^memory: answers again, after \d+\.\d s$/),
    ]);
  });

  it('does not log every failure of a store that comes and goes', async () => {
    const { store, memory, lines, left, time } = setUp([]);
    await memory.put('a', body);
    const blink = async () => {
      left.push(away);
      await store.get('a');
    };
    for (let i = 0; i < 50; i++) await blink();
    expect(lines).toHaveLength(2);
    time.pass(60_000);
    await blink();
    expect(lines).toHaveLength(4);
  });

  it('logs again after it has given up', async () => {
    const { store, memory, lines, left, time } = setUp([away], { budgetMs: 0 });
    await memory.put('a', body);
    await store.get('a');
    left.push(away, away);
    time.pass(60_000);
    await expect(store.get('a')).rejects.toBe(away);
    time.pass(60_000);
    left.push(away);
    await store.get('a');
    expect(lines.map(line => line.split(' ')[0])).toEqual(['waiting', 'memory:', 'waiting', 'waiting', 'memory:']);
  });
});
