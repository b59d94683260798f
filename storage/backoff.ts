/** @file How long to wait before the next try: exponential, with full jitter, so that those who failed together do not come back together. */
import { setTimeout } from 'node:timers/promises';

/** Time and chance, which tests replace. */
export interface Pace {
  /** Milliseconds that only grow. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export const REAL_PACE: Pace = {
  now: () => performance.now(),
  sleep: ms => setTimeout(ms),
  random: Math.random,
};

const BASE_MS = 100;
const LONGEST_MS = 5000;

/** Milliseconds before retry `attempt` (0 is the first): anything up to 100 ms, doubled each time, at most 5 s. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_MS, BASE_MS * 2 ** attempt);
}
