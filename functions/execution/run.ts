/** @file Work under an action. Many callers may wait for it; it stops when the last caller leaves. */
import type { ProgressEvent } from '../../configs/progress.ts';
import { AppError, Cancelled } from '../../errors.ts';
import { describeError, type WireError } from '../../errors-wire.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';
import type { RunHandle, RunState } from './run-handle.ts';
import { createRunLog, type RunLog } from './run-log.ts';

/** The end of work. `action` differs from the action of the run when the work was cut short. */
export interface RunAnswer<R = Result | Json> {
  readonly action: Digest;
  readonly cache: 'hit' | 'miss';
  readonly result: R;
}

export interface Run<R = Result | Json> extends RunHandle {
  readonly log: RunLog;
  readonly settled: boolean;
  /** Whether the run was cancelled, so that no caller may join it. */
  readonly stopping: boolean;
  snapshot(): RunState;
  /** Waits as one of the callers. Aborting `signal` leaves; the work stops when its last caller leaves. */
  join(signal?: AbortSignal, onEvent?: (event: ProgressEvent) => void): Promise<RunAnswer<R>>;
  /** From now on the work goes on without callers. @returns False if that was so before. */
  detach(): boolean;
  /** Resolves, and never rejects, when the work has ended. */
  readonly ended: Promise<void>;
}

/** A run as its work sees it. */
export interface RunScope {
  /** Action of the run. */
  readonly run: Digest;
  readonly signal: AbortSignal;
  readonly progress: (event: ProgressEvent) => void;
}

export interface RunSpec<R> {
  readonly action: Digest;
  readonly function: string;
  readonly resolved: Readonly<Record<string, Digest>>;
  readonly clock: Clock;
  work(signal: AbortSignal, progress: (event: ProgressEvent) => void): Promise<RunAnswer<R>>;
}

/** Starts the work at once. */
export function startRun<R extends Result | Json>(spec: RunSpec<R>): Run<R> {
  const log = createRunLog(spec.clock);
  const controller = new AbortController();
  const listeners = new Set<(event: ProgressEvent) => void>();
  let waiting = 0;
  let detached = false;
  let answer: RunAnswer<R> | undefined;
  let error: WireError | undefined;

  function progress(event: ProgressEvent): void {
    log.add(event);
    for (const listener of listeners) listener(event);
  }

  const work = (async () => spec.work(controller.signal, progress))();
  const ended = work.then(
    value => {
      answer = value;
      log.end();
    },
    (reason: unknown) => {
      error = describeError(reason);
      // A posted run keeps no stack. Other callers get the error itself.
      if (detached && !(reason instanceof AppError)) console.error(`easel server: ${spec.function} failed:`, reason);
      log.end();
    },
  );

  function snapshot(): RunState {
    return {
      action: spec.action,
      function: spec.function,
      state: answer ? 'done' : error ? 'failed' : log.last?.phase === 'queued' ? 'queued' : 'running',
      ...(answer && { cache: answer.cache, result: answer.result }),
      ...(error && { error }),
      ...(log.last && { progress: log.last }),
      ...(Object.keys(spec.resolved).length > 0 && { resolved: spec.resolved }),
    };
  }

  function cancel(): void {
    if (answer === undefined && error === undefined) controller.abort(cancelled(spec.function));
  }

  async function join(signal?: AbortSignal, onEvent?: (event: ProgressEvent) => void): Promise<RunAnswer<R>> {
    if (onEvent) listeners.add(onEvent);
    waiting++;
    const left = Promise.withResolvers<never>();
    const onAbort = () => left.reject(cancelled(spec.function));
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work, left.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (onEvent) listeners.delete(onEvent);
      waiting--;
      if (waiting === 0 && !detached) cancel();
    }
  }

  return {
    action: spec.action,
    function: spec.function,
    log,
    ended,
    get settled() {
      return answer !== undefined || error !== undefined;
    },
    get stopping() {
      return controller.signal.aborted;
    },
    snapshot,
    state: async () => snapshot(),
    async wait(ms, signal) {
      await settleWithin(ended, ms, spec.clock, signal);
      return snapshot();
    },
    events: (after, signal) => log.follow(after, signal),
    join,
    detach() {
      const first = !detached;
      detached = true;
      return first;
    },
    cancel,
  };
}

/** Resolves when `ended` does, after `ms` milliseconds, or when the signal aborts; leaves no timer behind. */
export async function settleWithin(
  ended: Promise<void>,
  ms: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  const sleeping = signal ? AbortSignal.any([settled.signal, signal]) : settled.signal;
  await Promise.race([ended, clock.sleep(ms, sleeping)]).catch(() => {});
  settled.abort();
}

function cancelled(name: string): Cancelled {
  return new Cancelled(`the run of ${name} was cancelled`, { hint: 'the same call goes on from the finished parts' });
}
