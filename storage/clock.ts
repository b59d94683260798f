/** @file The time as a parameter, so that tests can turn it by hand. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Its functions need no `this`: a module that only reads the time takes `Clock['now']`. */
export interface Clock {
  /** The time of day: milliseconds since the epoch. It may jump, and two machines may differ. */
  readonly now: () => number;
  /** Milliseconds since an arbitrary moment. They only grow: for durations and deadlines within this process. */
  readonly monotonic: () => number;
  /** Resolves after `ms` milliseconds. @throws The signal's reason, or an AbortError, when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};
