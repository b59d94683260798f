/** @file Time that passes when a test says so, as each host's own clock shows it. */
import type { Clock } from '../clock.ts';

const STEP_MS = 1000;

/** The time of all hosts of a test; starts at 2026-01-01T00:00:00Z. Sleepers wake in order of their time. */
export class FakeTime {
  #now = Date.UTC(2026, 0, 1);
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  /** The clock of a host that is `offsetMs` ahead (negative: behind); an offset that changes is a clock that jumps. */
  clock(offsetMs: number | (() => number) = 0): Clock {
    const offset = typeof offsetMs === 'number' ? () => offsetMs : offsetMs;
    return {
      now: () => this.#now + offset(),
      sleep: (ms, signal) => {
        return new Promise((resolve, reject) => {
          if (signal.aborted) return reject(signal.reason);
          this.#sleepers.push({ at: this.#now + ms, wake: resolve });
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      },
    };
  }

  /** In steps of a second, giving others time to run after each. */
  async advance(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now = Math.min(end, this.#now + STEP_MS);
      const due = this.#sleepers.filter(sleeper => sleeper.at <= this.#now).sort((a, b) => a.at - b.at);
      this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > this.#now);
      for (const sleeper of due) sleeper.wake();
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }

  /** Lets time pass until the work has ended. */
  async advanceUntil<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const finish = () => {
      ended = true;
    };
    work.then(finish, finish);
    while (!ended) await this.advance(STEP_MS);
    return work;
  }
}
