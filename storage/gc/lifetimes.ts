/**
 * @file How running work is safe from gc. Before a call uses an old object (a stored blob, a cached result, an input),
 * it extends the object's life: it writes the same bytes again, so the object is as young as a new one. gc does not
 * delete objects that were written or extended within the grace period, or what they link.
 *
 * So one limit holds for all work: an action must not take longer than half of the grace period from its first look at
 * an object to the result or the name that keeps the object from then on.
 */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';

/** The shortest grace period with which gc is safe beside other work. */
export const GRACE_MS = 48 * 3_600_000;

export interface Lifetimes {
  readonly clock: Clock;
  /** Milliseconds; younger objects are used as they are. At most half of any grace period. */
  readonly extendAfterMs: number;
}

export const LIFETIMES: Lifetimes = {
  clock: SYSTEM_CLOCK,
  extendAfterMs: GRACE_MS / 2,
};

/** Whether the object's life must be extended before use. */
export function isOld({ lastModified }: { readonly lastModified: Date }, { clock, extendAfterMs }: Lifetimes): boolean {
  return clock.now() - lastModified.getTime() >= extendAfterMs;
}
