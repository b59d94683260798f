/** @file Runs of a device that are asked for before earlier ones have ended. */

/** Keeps at most `size` runs in flight, and hands out their results in the order in which the runs were started. */
export class RunWindow<T> {
  readonly #size: number;
  readonly #take: (result: T) => void;
  readonly #running: Promise<T>[] = [];

  constructor(size: number, take: (result: T) => void) {
    this.#size = size;
    this.#take = take;
  }

  /** Waits until another run may start. @throws The failure of the oldest run. */
  async makeRoom(): Promise<void> {
    while (this.#running.length >= this.#size) await this.#end();
  }

  start(run: Promise<T>): void {
    // Whoever waits for the run gets its failure. Until then it is no unhandled one.
    run.catch(() => {});
    this.#running.push(run);
  }

  /** Waits for all runs. @throws The failure of the oldest one that failed. */
  async drain(): Promise<void> {
    while (this.#running.length > 0) await this.#end();
  }

  async #end(): Promise<void> {
    const oldest = this.#running.shift();
    if (oldest !== undefined) this.#take(await oldest);
  }
}
