/** @file Retries operations on a store that is unreachable for a while. No other file retries them. */
import { Ambiguous, type AppError, Corrupt, Unreachable } from '../errors.ts';
import { backoffMs, type RetryTiming } from './backoff.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { interceptStore, type StoreCall } from './intercept.ts';
import type { ObjectStore } from './types.ts';

export interface PatienceOptions extends RetryTiming {
  /**
   * Milliseconds that one operation is retried, from its first failure. Default: 90 s, three times as long as a store
   * restarts.
   */
  readonly budgetMs?: number;
  /** Gets one line when waiting begins and one when it ends. Default: console.error. */
  readonly log?: (line: string) => void;
}

const BUDGET_MS = 90_000;
/** Attempts to read damaged bytes: once may be the network, twice means that the stored bytes are damaged. */
const DAMAGED_TRIES = 2;
/** Shortest time between two reports about a store that comes and goes. */
const LOG_INTERVAL_MS = 10_000;

/**
 * Retries operations after growing waits until the budget is spent; then throws the last error.
 * - Reads are always retried.
 * - Deletes, copies and unconditional puts are retried, too: twice has the same effect as once. (Documents that change
 *   are put with conditions.)
 * - Conditional puts are retried only when nothing of them reached the store. A second copy would find the first one
 *   and report the committed write as rejected; `writeVersioned` (versioned.ts) settles those.
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

/** Logs once that the store is unreachable and once that it is back, however many operations wait. */
function createReport(url: string, budgetMs: number, monotonic: Clock['monotonic'], log: (line: string) => void) {
  let waiting = 0;
  let since: number | undefined;
  let told = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    /** Call when an operation begins to wait. */
    waits(error: AppError): void {
      waiting++;
      if (since !== undefined) return;
      since = monotonic();
      told = since - toldAt >= LOG_INTERVAL_MS;
      if (!told) return;
      toldAt = since;
      log(`waiting for ${url}, at most ${Math.round(budgetMs / 1000)} s for each operation: ${error.message}`);
    },
    /** Call when an operation that waited has its answer. */
    answered(): void {
      waiting--;
      if (since === undefined) return;
      const seconds = ((monotonic() - since) / 1000).toFixed(1);
      since = undefined;
      if (told) log(`${url} answers again, after ${seconds} s`);
    },
    /** Call when an operation that waited ends with an error. */
    gaveUp(): void {
      if (--waiting === 0) since = undefined;
    },
  };
}
