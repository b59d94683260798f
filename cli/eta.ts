/** @file Time left, from the speed of the last minute. */

const WINDOW_MS = 60_000;

export interface Eta {
  /** Seconds left; undefined before the second count of a phase, and while the count stands still. */
  update(phase: string, done: number, total: number): number | undefined;
}

/** @param now Milliseconds. A new phase, or a count that falls, restarts the estimate. */
export function createEta(now: () => number = () => performance.now()): Eta {
  let phase: string | undefined;
  let seen: { readonly at: number; readonly done: number }[] = [];
  return {
    update(newPhase, done, total) {
      if (newPhase !== phase || done < (seen.at(-1)?.done ?? 0)) seen = [];
      phase = newPhase;
      const at = now();
      seen.push({ at, done });
      while (seen.length > 2 && at - (seen[0]?.at ?? at) > WINDOW_MS) seen.shift();
      const first = seen[0];
      if (first === undefined || done <= first.done || at <= first.at) return undefined;
      return (Math.max(0, total - done) * (at - first.at)) / (done - first.done) / 1000;
    },
  };
}

/** `12s`, `3m04s`, `1h02m` */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}

/** Counts as they are, other numbers with four significant digits. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
}
