import { describe, expect, test } from 'vitest';
import { Conflict } from '../../errors.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { acquireLease, type Clock, LEASE_TTL_MS, readLease } from '../../storage/lease.ts';
import { holdExperiment } from './experiment-lease.ts';

/** Time passes when somebody sleeps. */
function createClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
    async sleep(ms, signal) {
      await new Promise(setImmediate);
      signal.throwIfAborted();
      now += ms;
    },
  };
}

const neverDone = async () => false;

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
}

describe('holdExperiment', () => {
  test('holds the lease while it works and lets go at the end, also of work that fails', async () => {
    const store = createMemoryStore();
    const clock = createClock();
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
    const clock = createClock();
    const { signal } = new AbortController();
    const call = holdExperiment({ store, signal, terms: { clock }, watch: neverDone }, 'toy', async held => {
      // As if this process had been asleep past its expiry.
      const mine = await readLease(store, 'toy', clock.now());
      clock.advance((mine?.expiresAt ?? 0) - clock.now() + 1);
      await acquireLease(store, 'toy', { holder: 'another host', clock, ttlMs: 1e9 });
      await untilAborted(held);
    });
    await expect(call).rejects.toThrow(Conflict);
    await expect(call).rejects.toThrow('driven by another host');
  });

  test('waits for the lease of a process that it cannot look up to expire', async () => {
    const store = createMemoryStore();
    const clock = createClock();
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

  test('a cancelled call stops waiting', async () => {
    const store = createMemoryStore();
    const clock = createClock();
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
