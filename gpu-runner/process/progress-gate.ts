/** @file Thins the progress of a job to a few events per second; the exact series is in the job's log blob. */
import type { ProgressUpdate } from '../jobs/context.ts';

const INTERVAL_MS = 200;

export interface ProgressGate {
  update(update: ProgressUpdate): void;
  /** Sends what was held back and is due; with `all`, whatever was held back. */
  flush(all?: boolean): void;
}

/** Within one phase the newest update replaces the one held back; the first and the last of a phase always go out. */
export function createProgressGate(
  send: (update: ProgressUpdate) => void,
  now: () => number = () => performance.now(),
): ProgressGate {
  let held: ProgressUpdate | undefined;
  let phase: string | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;

  function flush(all = false): void {
    if (held === undefined || (!all && now() - sentAt < INTERVAL_MS)) return;
    send(held);
    held = undefined;
    sentAt = now();
  }

  return {
    update(update) {
      const changed = update.phase !== phase;
      if (changed) flush(true);
      phase = update.phase;
      held = update;
      flush(changed);
    },
    flush,
  };
}
