/**
 * @file The order of runs on a device: they start in the order in which they were asked for, and at most two are
 * queued, so that the host prepares the next step while the device works, and does not run ahead without a bound.
 */
const MOST_QUEUED = 2;

export class RunQueue {
  #tail: Promise<void> = Promise.resolve();
  /** Runs that have started and not ended. They do not reject: the results of a failed run carry its error. */
  readonly #running: Promise<void>[] = [];

  /**
   * Calls `start` when earlier calls have started and fewer than two runs are queued.
   * @param start Queues a run. `done` resolves when the device has run it.
   */
  async add<T extends { readonly done: Promise<void> }>(start: () => T): Promise<T> {
    const before = this.#tail;
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    this.#tail = promise;
    try {
      await before;
      while (this.#running.length >= MOST_QUEUED) await this.#running[0];
      const started = start();
      this.#watch(started.done);
      return started;
    } finally {
      leave();
    }
  }

  /** Resolves when all runs that were asked for have ended. */
  async drain(): Promise<void> {
    await this.#tail;
    await Promise.all(this.#running);
  }

  #watch(done: Promise<void>): void {
    const ended = done
      .catch(() => {})
      .finally(() => {
        this.#running.splice(this.#running.indexOf(ended), 1);
      });
    this.#running.push(ended);
  }
}
