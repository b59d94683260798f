/**
 * @file The runs of this process: equal calls share one, posted runs outlive their callers and are written to the
 * store.
 */
import { Busy } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';
import { type Run, type RunSpec, settleWithin, startRun } from './run.ts';
import type { RunHandle } from './run-handle.ts';
import type { RunStore } from './run-store.ts';

/** Posted runs at the same time. */
const MAX_POSTED = 512;
/** Ended runs kept in memory with their events. */
const MAX_ENDED = 64;

export interface Runs {
  /**
   * Hands a run to `use` before its last caller can leave it: the run of this action that goes on, or a new one.
   * @throws Busy when a new run would start after {@link drain}.
   */
  use<T>(spec: RunSpec<Result | Json>, use: (run: Run) => T | Promise<T>): Promise<T>;
  /**
   * As {@link use}, for a run that goes on without callers and leaves events and state behind.
   * @throws Busy, also when too many runs go on.
   */
  post(spec: RunSpec<Result | Json>, options: { readonly effect: boolean }): Promise<RunHandle>;
  /** A run that goes on here, or ended here a short while ago. */
  find(action: Digest): Run | undefined;
  /** Starts no new run, and waits up to `ms` for all to end and be written. */
  drain(ms: number): Promise<void>;
  /** Cancels all runs and waits for their ends. */
  close(): Promise<void>;
}

export function createRuns(runStore: RunStore, clock: Clock): Runs {
  const running = new Map<Digest, Run>();
  const ended = new Map<Digest, Run>();
  const recording = new Set<Promise<void>>();
  let posted = 0;
  let draining = false;

  async function use<T>(spec: RunSpec<Result | Json>, useRun: (run: Run) => T | Promise<T>): Promise<T> {
    while (true) {
      const other = running.get(spec.action);
      if (other === undefined) break;
      if (!other.stopping) return useRun(other);
      await other.ended;
    }
    if (draining) throw new Busy('the server is stopping', { hint: 'send the call again', retryAfterSeconds: 5 });
    const run = startRun(spec);
    running.set(spec.action, run);
    void run.ended.then(() => running.delete(spec.action));
    return useRun(run);
  }

  function keep(run: Run, effect: boolean): RunHandle {
    if (!run.detach()) return run;
    posted++;
    const record = runStore.record(run, { effect }).finally(() => recording.delete(record));
    recording.add(record);
    void run.ended.then(() => {
      posted--;
      ended.delete(run.action);
      ended.set(run.action, run);
      for (const oldest of ended.keys()) if (ended.size > MAX_ENDED) ended.delete(oldest);
    });
    return run;
  }

  return {
    use,
    async post(spec, { effect }) {
      if (!running.has(spec.action) && posted >= MAX_POSTED) {
        throw new Busy(`${posted} runs go on already`, { expected: `at most ${MAX_POSTED}`, retryAfterSeconds: 10 });
      }
      return use(spec, run => keep(run, effect));
    },
    find: action => running.get(action) ?? ended.get(action),
    async drain(ms) {
      draining = true;
      const all = Promise.all([...running.values()].map(run => run.ended));
      await settleWithin(
        all.then(() => Promise.all(recording)).then(() => {}),
        ms,
        clock,
      );
    },
    async close() {
      const open = [...running.values()];
      for (const run of open) run.cancel();
      await Promise.all(open.map(run => run.ended));
      await Promise.all(recording);
    },
  };
}
