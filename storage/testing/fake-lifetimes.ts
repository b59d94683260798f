/** @file Lifetimes by a clock that stands still until a test moves it, and moves on while somebody sleeps. */
import { setImmediate } from 'node:timers/promises';
import type { Lifetimes } from '../gc/lifetimes.ts';

export interface FakeLifetimes extends Lifetimes {
  /** Moves the clock on, milliseconds. */
  pass(ms: number): void;
}

/** Starts at 2026-01-01T00:00:00Z. */
export function createFakeLifetimes(extendAfterMs: number): FakeLifetimes {
  let now = Date.UTC(2026, 0, 1);
  const pass = (ms: number) => {
    now += ms;
  };
  return {
    extendAfterMs,
    now: () => now,
    pass,
    async sleep(ms) {
      pass(ms);
      await setImmediate();
    },
  };
}
