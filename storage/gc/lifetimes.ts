/**
 * @file What keeps gc and those at work out of each other's way. Whoever is about to rely on something old (a blob that is there
 * already, a result from the cache, an input) extends its life first: writes the same bytes again, so that it is as young as if it had
 * just been made. What was made or extended within the grace period gc leaves alone, with all that it links.
 *
 * So there is one number to think about: half of the grace period is what a single action may take from its first look at a thing to
 * the result, or the name, that keeps it from then on.
 */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';

/** The shortest grace period under which gc is safe beside others. */
export const GRACE_MS = 48 * 3_600_000;

export interface Lifetimes {
  readonly clock: Clock;
  /** Milliseconds; what is younger is relied upon as it is. At most half of any grace period. */
  readonly extendAfterMs: number;
}

export const LIFETIMES: Lifetimes = {
  clock: SYSTEM_CLOCK,
  extendAfterMs: GRACE_MS / 2,
};

/** Whether its life is to be extended before anybody relies on it. */
export function isOld({ lastModified }: { readonly lastModified: Date }, { clock, extendAfterMs }: Lifetimes): boolean {
  return clock.now() - lastModified.getTime() >= extendAfterMs;
}
