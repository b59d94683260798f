/**
 * @file How long to wait before the next try: exponential, with full jitter, so that callers that failed together do
 * not come back together.
 */
import type { Clock } from './clock.ts';

/** What decides how retries wait. Tests replace both. */
export interface RetryTiming {
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** In [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

const BASE_MS = 100;
const LONGEST_MS = 5000;

/** Milliseconds before retry `attempt` (0 is the first): anything up to 100 ms, doubled each time, at most 5 s. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_MS, BASE_MS * 2 ** attempt);
}
