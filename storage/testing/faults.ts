/** @file Wraps a store with the faults of a network. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Ambiguous, Unreachable } from '../../errors.ts';
import { interceptStore, type StoreCall } from '../intercept.ts';
import type { ObjectStore } from '../types.ts';

/**
 * - `refuse`: nothing reaches the store.
 * - `lose request`: nothing reaches the store, and the caller cannot know.
 * - `lose answer`: the operation is done, and the caller cannot know.
 */
export type Fault = 'refuse' | 'lose request' | 'lose answer';

/**
 * A store whose calls suffer the faults that `choose` returns; undefined: none. A lost read is Unreachable, never
 * Ambiguous.
 */
export function withFaults(store: ObjectStore, choose: (call: StoreCall) => Fault | undefined): ObjectStore {
  return interceptStore(store, async (call, run) => {
    const fault = choose(call);
    if (fault === undefined) return run();
    if (fault === 'lose answer') await run().catch(() => {});
    if (fault === 'refuse' || ['get', 'head', 'list'].includes(call.operation)) {
      throw new Unreachable(`${call.operation} of "${call.key}" was refused`);
    }
    throw new Ambiguous(`the answer to ${call.operation} of "${call.key}" was lost`);
  });
}

/** A store whose operations begin and end up to `longestMs` late, drawn from the seed. */
export function withLatency(store: ObjectStore, seed: number, longestMs: number): ObjectStore {
  const draw = createDraw(seed);
  return interceptStore(store, async (_call, run) => {
    await sleep(draw() * longestMs);
    try {
      return await run();
    } finally {
      await sleep(draw() * longestMs);
    }
  });
}

/** Pseudo-random numbers in [0, 1) (mulberry32). */
export function createDraw(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
