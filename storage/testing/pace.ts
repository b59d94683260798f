/** @file A clock that moves only when somebody sleeps. */
import type { Pace } from '../backoff.ts';

export interface FakePace extends Pace {
  /** What was slept, in milliseconds. */
  readonly sleeps: readonly number[];
  /** Lets time pass. */
  advance(ms: number): void;
}

/** @param random Of every draw; the default makes waits as long as they can be. */
export function createFakePace(random = 1 - Number.EPSILON): FakePace {
  let now = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    random: () => random,
    async sleep(ms) {
      sleeps.push(ms);
      now += ms;
    },
    advance(ms) {
      now += ms;
    },
  };
}
