import { describe, expect, test } from 'vitest';
import { Conflict } from '../../errors.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { acquireLease, LEASE_TTL_MS, readLease } from '../../storage/names/lease.ts';
import { FakeTime, SLEEP_PASSES } from '../../storage/testing/fake-time.ts';
import { holdExperiment } from './experiment-lease.ts';

const HOUR_MS = 3_600_000;
const neverDone = async () => false;

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
}

describe('holdExperiment', () => {
  test('holds the lease while it works and lets go at the end, also of work that fails', async () => {
    const store = createMemoryStore();
    const time = new FakeTime(SLEEP_PASSES);
    const clock = time.clock();
    const { signal } = new AbortController();
    const work = async () => {
      expect((await readLease(store, 'toy', clock.now()))?.holder).toMatch(/^pid \d+ of /);
    };
    await holdExperiment({ store, signal, terms: { clock }, watch: neverDone }, 'toy', work);
    expect(await readLease(store, 'toy', clock.now())).toBeUndefined();
    const failing = holdExperiment({ store, signal, terms: { clock }, watch: neverDone }, 'toy', () =>
      Promise.reject(new Error('broken')),
    );
    await expect(failing).rejects.toThrow('broken');
    expect(await readLease(store, 'toy', clock.now())).toBeUndefined();
  });

  test('stops the work with a conflict when another took the lease', async () => {
    const store = createMemoryStore();
    const time = new FakeTime(SLEEP_PASSES);
    const clock = time.clock();
    const { signal } = new AbortController();
    const call = holdExperiment({ store, signal, terms: { clock }, watch: neverDone }, 'toy', async held => {
      // As if this process had been asleep past its expiry.
      const mine = await readLease(store, 'toy', clock.now());
      time.pass((mine?.expiresAt ?? 0) - clock.now() + 1);
      await acquireLease(store, 'toy', { holder: 'another host', clock, ttlMs: 1e9 });
      await untilAborted(held);
    });
    await expect(call).rejects.toThrow(Conflict);
    await expect(call).rejects.toThrow('driven by another host');
  });

  test('waits for the lease of a process that it cannot look up to expire', async () => {
    const store = createMemoryStore();
    const time = new FakeTime(SLEEP_PASSES);
    const clock = time.clock();
    await acquireLease(store, 'toy', { holder: 'another host', clock });
    const watched: string[] = [];
    const watch = async (holder: string) => {
      watched.push(holder);
      return false;
    };
    let startedAt = -1;
    await holdExperiment({ store, signal: new AbortController().signal, terms: { clock }, watch }, 'toy', async () => {
      startedAt = clock.now();
    });
    expect(startedAt).toBeGreaterThanOrEqual(LEASE_TTL_MS);
    expect(new Set(watched)).toEqual(new Set(['another host']));
  });

  test('takes over at once from one whose clock is an hour behind, and is not let in twice', async () => {
    const store = createMemoryStore();
    const time = new FakeTime();
    const { signal } = new AbortController();
    const behind = time.clock(-HOUR_MS);
    const first = holdExperiment({ store, signal, terms: { clock: behind }, watch: neverDone }, 'toy', untilAborted);
    const outcome = expect(first).rejects.toThrow(Conflict);
    await time.advance(1000);
    const second = holdExperiment({ store, signal, terms: { clock: time.clock() }, watch: neverDone }, 'toy', () =>
      time.clock().sleep(60_000, signal),
    );
    await time.advanceUntil(second);
    await outcome;
  });

  test('a lease from a clock that is a day ahead is taken over when nobody has renewed it for 30 seconds', async () => {
    const store = createMemoryStore();
    const time = new FakeTime();
    const ahead = { holder: 'another host', clock: time.clock(24 * HOUR_MS) };
    await acquireLease(store, 'toy', ahead);
    const { signal } = new AbortController();
    const start = time.clock().now();
    let renewals = 3;
    const watch = async () => {
      // It lives on for a while.
      if (renewals-- > 0) await acquireLease(store, 'toy', ahead);
      return false;
    };
    let startedAt = Number.NaN;
    await time.advanceUntil(
      holdExperiment({ store, signal, terms: { clock: time.clock() }, watch }, 'toy', async () => {
        startedAt = time.clock().now();
      }),
    );
    expect(startedAt - start).toBeGreaterThanOrEqual(LEASE_TTL_MS);
    expect(startedAt - start).toBeLessThanOrEqual(LEASE_TTL_MS + 10_000);
  });

  test('a clock that jumps back while it waits for a dead host does not make it wait longer', async () => {
    const store = createMemoryStore();
    const time = new FakeTime();
    await acquireLease(store, 'toy', { holder: 'another host', clock: time.clock() });
    const { signal } = new AbortController();
    let offset = 0;
    const watch = async () => {
      offset = -24 * HOUR_MS;
      return false;
    };
    const start = time.clock().now();
    const terms = { clock: time.clock(() => offset) };
    await time.advanceUntil(holdExperiment({ store, signal, terms, watch }, 'toy', async () => {}));
    expect(time.clock().now() - start).toBeLessThanOrEqual(LEASE_TTL_MS + 10_000);
  });

  test('watches whoever was faster to replace a process of this machine that died', async () => {
    const inner = createMemoryStore();
    const clock = new FakeTime(SLEEP_PASSES).clock();
    const options = { signal: new AbortController().signal, terms: { clock } };
    let place = '';
    await holdExperiment({ ...options, store: inner, watch: neverDone }, 'toy', async (_, holder) => {
      place = holder.replace(/^pid \d+/, '');
    });
    const dead = { holder: `pid 99999999${place}`, clock };
    await acquireLease(inner, 'toy', dead);
    let reads = 0;
    const store = interceptStore(inner, async (_, run) => {
      const found = await run();
      // It was found at work, and then dead; now its lease is to be freed.
      if (++reads === 2) {
        await (await acquireLease(inner, 'toy', dead)).release();
        await acquireLease(inner, 'toy', { holder: 'the faster one', clock });
      }
      return found;
    });
    const watched: string[] = [];
    const watch = async (holder: string) => watched.push(holder) > 0;
    await holdExperiment({ ...options, store, watch }, 'toy', () => Promise.reject(new Error('two at work')));
    expect(watched).toEqual(['the faster one']);
  });

  test('a cancelled call stops waiting', async () => {
    const store = createMemoryStore();
    const time = new FakeTime(SLEEP_PASSES);
    const clock = time.clock();
    await acquireLease(store, 'toy', { holder: 'another host', clock, ttlMs: 1e9 });
    const controller = new AbortController();
    const watch = async () => {
      controller.abort(new Error('enough'));
      return false;
    };
    const call = holdExperiment({ store, signal: controller.signal, terms: { clock }, watch }, 'toy', async () => {});
    await expect(call).rejects.toThrow('enough');
  });
});
