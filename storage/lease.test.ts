import { beforeEach, describe, expect, it } from 'vitest';
import { Conflict, Internal, InvalidInput } from '../errors.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { acquireLease, type Clock, readLease, withLease } from './lease.ts';
import type { ObjectStore } from './types.ts';

/** A clock that stands until it is moved; sleepers wake in order of their time. */
class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ at: this.#now + ms, wake: resolve });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** In small steps, giving others time to run after each. */
  async advance(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now = Math.min(end, this.#now + 1000);
      const due = this.#sleepers.filter(sleeper => sleeper.at <= this.#now);
      this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > this.#now);
      for (const sleeper of due) sleeper.wake();
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }
}

describe('lease', () => {
  let store: ObjectStore;
  let clock: FakeClock;
  beforeEach(() => {
    store = createMemoryStore();
    clock = new FakeClock();
  });
  const acquire = (holder: string) => acquireLease(store, 'run', { holder, clock });
  const signal = new AbortController().signal;

  it('is held by one, for 30 seconds', async () => {
    const lease = await acquire('a');
    expect(lease.expiresAt - clock.now()).toBe(30_000);
    await expect(acquire('b')).rejects.toMatchObject({
      code: 'conflict',
      retryAfterSeconds: 30,
      details: { holder: 'a', expires_at: '2026-01-01T00:00:30.000Z' },
    });
    expect(await readLease(store, 'run', clock.now())).toEqual({ holder: 'a', expiresAt: lease.expiresAt });
    await clock.advance(29_999);
    await expect(acquire('b')).rejects.toBeInstanceOf(Conflict);
    await clock.advance(1);
    expect(await readLease(store, 'run', clock.now())).toBeUndefined();
    expect((await acquire('b')).holder).toBe('b');
    await expect(lease.renew()).rejects.toBeInstanceOf(Conflict);
  });

  it('is got again by its holder, longer', async () => {
    await acquire('a');
    await clock.advance(10_000);
    const renewed = await (await acquire('a')).renew();
    expect(renewed.expiresAt - clock.now()).toBe(30_000);
  });

  it('is free at once when released, and not released by who lost it', async () => {
    const first = await acquire('a');
    await first.release();
    const second = await acquire('b');
    await first.release();
    await expect(acquire('c')).rejects.toBeInstanceOf(Conflict);
    await second.release();
    await second.release();
    await acquire('c');
  });

  it('is one per experiment, under leases/', async () => {
    await acquire('a');
    await acquireLease(store, 'other', { holder: 'b', clock });
    expect((await store.list('')).objects.map(object => object.key)).toEqual([
      'leases/experiments/other.json',
      'leases/experiments/run.json',
    ]);
    await expect(acquireLease(store, '../x', { holder: 'b', clock })).rejects.toBeInstanceOf(InvalidInput);
  });

  it('goes to one of many that want it, first and after it expired', async () => {
    for (let round = 0; round < 2; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => acquire(`${round} ${i}`)));
      expect(outcomes.filter(outcome => outcome.status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(Conflict);
      await clock.advance(30_000);
    }
  });

  it('is renewed while the work lasts, and free afterwards', async () => {
    let finish = () => {};
    const work = new Promise<void>(resolve => {
      finish = resolve;
    });
    const held = withLease(store, 'run', { holder: 'a', clock, signal }, async inner => {
      await work;
      return inner.aborted;
    });
    await clock.advance(100_000);
    await expect(acquire('b')).rejects.toBeInstanceOf(Conflict);
    finish();
    expect(await held).toBe(false);
    await acquire('b');
  });

  it('is free after work that failed', async () => {
    const failing = withLease(store, 'run', { holder: 'a', clock, signal }, async () => {
      throw new Internal('work failed');
    });
    await expect(failing).rejects.toThrow('work failed');
    await acquire('b');
  });

  it('tells the work when another took it over', async () => {
    const held = withLease(store, 'run', { holder: 'a', clock, signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      throw inner.reason;
    });
    await clock.advance(5000);
    // As after a pause of the holder beyond its expiry.
    const taken = { v: 1, holder: 'b', expires_at: new Date(clock.now() + 60_000).toISOString() };
    await store.put('leases/experiments/run.json', Buffer.from(JSON.stringify(taken)));
    const outcome = expect(held).rejects.toBeInstanceOf(Conflict);
    await clock.advance(10_000);
    await outcome;
    expect((await readLease(store, 'run', clock.now()))?.holder).toBe('b');
  });

  it('survives a store that fails for a while, and is lost when that lasts past its expiry', async () => {
    const memory = createMemoryStore();
    let down = false;
    const shaky: ObjectStore = {
      ...memory,
      put: async (...args) => {
        if (down) throw new Internal('no answer');
        return memory.put(...args);
      },
    };
    let lost: unknown;
    const held = withLease(shaky, 'run', { holder: 'a', clock, signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      lost = inner.reason;
    });
    await clock.advance(1000);
    down = true;
    await clock.advance(20_000);
    down = false;
    await clock.advance(15_000);
    expect(lost).toBeUndefined();
    down = true;
    await clock.advance(60_000);
    await held;
    expect(lost).toBeInstanceOf(Internal);
  });

  it('passes on that the caller aborts', async () => {
    const caller = new AbortController();
    const held = withLease(store, 'run', { holder: 'a', clock, signal: caller.signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      return inner.reason;
    });
    await clock.advance(1000);
    caller.abort('stop');
    expect(await held).toBe('stop');
  });
});
