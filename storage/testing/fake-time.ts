/** @file Time that a test moves, and the clocks that show it. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

const STEP_MS = 1000;

export interface FakeTimeOptions {
  /** Milliseconds since the epoch. Default: 2026-01-01T00:00:00Z. */
  readonly startsAt?: number;
  /**
   * How far a sleep of `ms` moves the time by itself; undefined: it waits until the test moves it. Default: every sleep
   * waits.
   */
  readonly sleepMoves?: (ms: number) => number | undefined;
}

/** A sleep moves the time by its length, so no sleeper waits. */
export const SLEEP_PASSES: FakeTimeOptions = { sleepMoves: ms => ms };

/** The time of all hosts of a test. Sleepers wake in the order of their time. */
export class FakeTime {
  /** Milliseconds of every sleep that has begun. */
  readonly sleeps: number[] = [];
  readonly #startsAt: number;
  readonly #sleepMoves: NonNullable<FakeTimeOptions['sleepMoves']>;
  #now: number;
  /** Milliseconds since the epoch. */
  readonly now = () => this.#now;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  constructor({ startsAt = Date.UTC(2026, 0, 1), sleepMoves = () => undefined }: FakeTimeOptions = {}) {
    this.#startsAt = startsAt;
    this.#sleepMoves = sleepMoves;
    this.#now = startsAt;
  }

  /** The clock of a host that is `offsetMs` ahead (negative: behind); an offset that changes is a clock that jumps. */
  clock(offsetMs: number | (() => number) = 0): Clock {
    const offset = typeof offsetMs === 'number' ? () => offsetMs : offsetMs;
    return {
      now: () => this.#now + offset(),
      monotonic: () => this.#now - this.#startsAt,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  /** Moves the time at once, and wakes the sleepers whose time has come. */
  pass(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter(sleeper => sleeper.at <= this.#now).sort((a, b) => a.at - b.at);
    this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > this.#now);
    for (const sleeper of due) sleeper.wake();
  }

  /** Moves the time in steps of a second, giving others time to run after each. */
  async advance(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.pass(Math.min(STEP_MS, end - this.#now));
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }

  /** Moves the time until the work has ended. */
  async advanceUntil<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const finish = () => {
      ended = true;
    };
    work.then(finish, finish);
    while (!ended) await this.advance(STEP_MS);
    return work;
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    const move = this.#sleepMoves(ms);
    if (move === undefined) {
      await new Promise<void>((resolve, reject) => {
        this.#sleepers.push({ at: this.#now + ms, wake: resolve });
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      return;
    }
    await setImmediate();
    signal?.throwIfAborted();
    this.pass(move);
  }
}
