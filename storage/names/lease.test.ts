import { beforeEach, describe, expect, it } from 'vitest';
import { Conflict, Internal, InvalidInput, Unreachable } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { FakeTime } from '../testing/fake-time.ts';
import type { ObjectStore } from '../types.ts';
import { acquireLease, readLease, withLease } from './lease.ts';

describe('a lease', () => {
  let store: ObjectStore;
  let time: FakeTime;
  let clock: Clock;
  beforeEach(() => {
    store = createMemoryStore();
    time = new FakeTime();
    clock = time.clock();
  });
  const acquire = (holder: string) => acquireLease(store, 'run', { holder, clock });
  const signal = new AbortController().signal;

  it('is held by one process, for 30 seconds', async () => {
    const lease = await acquire('a');
    expect(lease.expiresAt - clock.now()).toBe(30_000);
    await expect(acquire('b')).rejects.toMatchObject({
      code: 'conflict',
      retryAfterSeconds: 30,
      details: { holder: 'a', expires_at: '2026-01-01T00:00:30.000Z' },
    });
    expect(await readLease(store, 'run', clock.now())).toEqual({ holder: 'a', expiresAt: lease.expiresAt });
    await time.advance(29_999);
    await expect(acquire('b')).rejects.toBeInstanceOf(Conflict);
    await time.advance(1);
    expect(await readLease(store, 'run', clock.now())).toBeUndefined();
    expect((await acquire('b')).holder).toBe('b');
    await expect(lease.renew()).rejects.toBeInstanceOf(Conflict);
  });

  it('is extended when its holder acquires it again', async () => {
    await acquire('a');
    await time.advance(10_000);
    const renewed = await (await acquire('a')).renew();
    expect(renewed.expiresAt - clock.now()).toBe(30_000);
  });

  it('is free at once when released, and cannot be released by a process that lost it', async () => {
    const first = await acquire('a');
    await first.release();
    const second = await acquire('b');
    await first.release();
    await expect(acquire('c')).rejects.toBeInstanceOf(Conflict);
    await second.release();
    await second.release();
    await acquire('c');
  });

  it('exists once per experiment, under leases/', async () => {
    await acquire('a');
    await acquireLease(store, 'other', { holder: 'b', clock });
    expect((await store.list('')).objects.map(object => object.key)).toEqual([
      'leases/experiments/other.json',
      'leases/experiments/run.json',
    ]);
    await expect(acquireLease(store, '../x', { holder: 'b', clock })).rejects.toBeInstanceOf(InvalidInput);
  });

  it('goes to one of many processes, also after it has expired', async () => {
    for (let round = 0; round < 2; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => acquire(`${round} ${i}`)));
      expect(outcomes.filter(outcome => outcome.status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(Conflict);
      await time.advance(30_000);
    }
  });

  it('is renewed during the work and free afterwards', async () => {
    let finish = () => {};
    const work = new Promise<void>(resolve => {
      finish = resolve;
    });
    const held = withLease(store, 'run', { holder: 'a', clock, signal }, async inner => {
      await work;
      return inner.aborted;
    });
    await time.advance(100_000);
    await expect(acquire('b')).rejects.toBeInstanceOf(Conflict);
    finish();
    expect(await held).toBe(false);
    await acquire('b');
  });

  it('is free after failed work', async () => {
    const failing = withLease(store, 'run', { holder: 'a', clock, signal }, async () => {
      throw new Internal('work failed');
    });
    await expect(failing).rejects.toThrow('work failed');
    await acquire('b');
  });

  it('aborts the work when another process takes it', async () => {
    const held = withLease(store, 'run', { holder: 'a', clock, signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      throw inner.reason;
    });
    await time.advance(5000);
    // As if the holder had slept past its expiry.
    const taken = { v: 1, holder: 'b', expires_at: new Date(clock.now() + 60_000).toISOString() };
    await store.put('leases/experiments/run.json', Buffer.from(JSON.stringify(taken)));
    const outcome = expect(held).rejects.toBeInstanceOf(Conflict);
    await time.advance(10_000);
    await outcome;
    expect((await readLease(store, 'run', clock.now()))?.holder).toBe('b');
  });

  /** Holds the lease over a store that can be made to fail. `lost` is the reason of the abort. */
  async function holdShaky(failure: () => Error) {
    const memory = createMemoryStore();
    const state = { down: false, lost: undefined as unknown, memory };
    const shaky: ObjectStore = {
      ...memory,
      put: async (...args) => {
        if (state.down) throw failure();
        return memory.put(...args);
      },
    };
    const held = withLease(shaky, 'run', { holder: 'a', clock, signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      state.lost = inner.reason;
    });
    await time.advance(1000);
    return { state, held };
  }

  it('survives failures of the store, and is lost if they last past its expiry', async () => {
    const { state, held } = await holdShaky(() => new Internal('no answer'));
    state.down = true;
    await time.advance(20_000);
    state.down = false;
    await time.advance(15_000);
    expect(state.lost).toBeUndefined();
    state.down = true;
    await time.advance(60_000);
    await held;
    expect(state.lost).toBeInstanceOf(Internal);
  });

  it('survives a store that is unreachable for minutes, unless another process took it meanwhile', async () => {
    const { state, held } = await holdShaky(() => new Unreachable('no route to the store'));
    for (const taken of [false, true]) {
      state.down = true;
      await time.advance(300_000);
      expect(state.lost).toBeUndefined();
      if (taken) await acquireLease(state.memory, 'run', { holder: 'b', clock });
      state.down = false;
      await time.advance(11_000);
    }
    await held;
    expect(state.lost).toBeInstanceOf(Conflict);
    expect((await readLease(state.memory, 'run', clock.now()))?.holder).toBe('b');
  });

  it('aborts the work when the caller aborts', async () => {
    const caller = new AbortController();
    const held = withLease(store, 'run', { holder: 'a', clock, signal: caller.signal }, async inner => {
      await new Promise(resolve => inner.addEventListener('abort', resolve));
      return inner.reason;
    });
    await time.advance(1000);
    caller.abort('stop');
    expect(await held).toBe('stop');
  });
});
