/** @file Waiting for a store that is away for a while: the one place where operations on it are retried. */
import { Ambiguous, type AppError, Corrupt, Unreachable } from '../errors.ts';
import { backoffMs, type RetryTiming } from './backoff.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { interceptStore, type StoreCall } from './intercept.ts';
import type { ObjectStore } from './types.ts';

export interface PatienceOptions extends RetryTiming {
  /** Longest that one operation is retried, counted from its first failure. Default: 90 s, three times the restart of a store. */
  readonly budgetMs?: number;
  /** One line when the waiting begins, one when it ends. Default: console.error. */
  readonly log?: (line: string) => void;
}

const BUDGET_MS = 90_000;
/** Bytes that arrived damaged: once may be the wire, twice is what is stored. */
const DAMAGED_TRIES = 2;
/** A store that comes and goes is reported this often. */
const LOG_INTERVAL_MS = 10_000;

/**
 * Repeats what may be repeated, after growing waits, until the budget is spent; then throws the last error.
 * - Reads change nothing.
 * - Deletes, copies and unconditional puts say what shall be, whatever is there: made twice, they are as if made once, the second
 *   time. (What changes is put on conditions only.)
 * - Conditional puts, only when nothing of them reached the store. Made twice they could meet themselves, and report as rejected
 *   what was committed; writeVersioned (versioned.ts) looks those up.
 */
export function withPatience(store: ObjectStore, options: PatienceOptions = {}): ObjectStore {
  const { budgetMs = BUDGET_MS, clock = SYSTEM_CLOCK, random = Math.random, log = console.error } = options;
  const report = createReport(store.url, budgetMs, clock.monotonic, log);

  return interceptStore(store, async (call, run) => {
    let deadline: number | undefined;
    let damaged = 0;
    for (let attempt = 0; ; attempt++) {
      try {
        const value = await run();
        if (deadline !== undefined) report.answered();
        return value;
      } catch (error) {
        if (error instanceof Corrupt && ++damaged < DAMAGED_TRIES) continue;
        const now = clock.monotonic();
        if (!mayRepeat(call, error) || (deadline !== undefined && now >= deadline)) {
          if (deadline !== undefined) report.gaveUp();
          throw error;
        }
        if (deadline === undefined) report.waits(error);
        deadline ??= now + budgetMs;
        await clock.sleep(Math.min(backoffMs(attempt, random), deadline - now));
      }
    }
  });
}

function mayRepeat(call: StoreCall, error: unknown): error is AppError {
  if (error instanceof Unreachable) return true;
  return error instanceof Ambiguous && !isConditional(call);
}

function isConditional(call: StoreCall): boolean {
  return call.operation === 'put' && (call.options.ifNoneMatch !== undefined || call.options.ifMatch !== undefined);
}

/** Says once that the store is away, and once that it is back, however many operations wait for it. */
function createReport(url: string, budgetMs: number, monotonic: Clock['monotonic'], log: (line: string) => void) {
  let waiting = 0;
  let since: number | undefined;
  let told = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    /** An operation begins to wait. */
    waits(error: AppError): void {
      waiting++;
      if (since !== undefined) return;
      since = monotonic();
      told = since - toldAt >= LOG_INTERVAL_MS;
      if (!told) return;
      toldAt = since;
      log(`waiting for ${url}, at most ${Math.round(budgetMs / 1000)} s for each operation: ${error.message}`);
    },
    /** One that waited has its answer. */
    answered(): void {
      waiting--;
      if (since === undefined) return;
      const seconds = ((monotonic() - since) / 1000).toFixed(1);
      since = undefined;
      if (told) log(`${url} answers again, after ${seconds} s`);
    },
    /** One that waited ends with an error, which says the rest. */
    gaveUp(): void {
      if (--waiting === 0) since = undefined;
    },
  };
}
