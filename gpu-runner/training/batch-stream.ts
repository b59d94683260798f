/** @file Loads the items of the epoch plan's updates ahead: the next ones load while the trainer works on one. */
import type { Cursor, EpochPlan, PlannedUpdate } from './epoch-plan.ts';
import type { TrainingItem, TrainingSource } from './source.ts';

/** Updates that load while the trainer works on one. */
const AHEAD = 2;

interface Loading extends PlannedUpdate {
  isLoaded: boolean;
  readonly items: Promise<readonly TrainingItem[]>;
}

/** An update with its items. */
export interface Batch extends PlannedUpdate {
  readonly items: readonly TrainingItem[];
}

export class BatchStream {
  readonly #plan: EpochPlan;
  readonly #source: TrainingSource;
  /** Loading updates by cursor, in the order in which `take` will ask for them. */
  readonly #ahead = new Map<string, Loading>();
  #waitedMs = 0;

  constructor(plan: EpochPlan, source: TrainingSource) {
    this.#plan = plan;
    this.#source = source;
  }

  /** Milliseconds that callers of `take` have waited for data. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** True if `take` would not wait. Starts to load the update. */
  isLoaded(cursor: Cursor): boolean {
    return this.#begin(cursor).isLoaded;
  }

  /** Waits until the update at the cursor is loaded. @throws The failure of the load. */
  async ready(cursor: Cursor): Promise<void> {
    const started = performance.now();
    await this.#begin(cursor).items;
    this.#waitedMs += performance.now() - started;
  }

  /** The update at the cursor, and the cursor after it. Starts to load the updates that follow. */
  async take(cursor: Cursor): Promise<Batch> {
    const update = this.#begin(cursor);
    this.#ahead.delete(keyOf(cursor));
    let { next } = update;
    const wanted = new Set<string>();
    for (let i = 0; i < AHEAD; i++) {
      wanted.add(keyOf(next));
      next = this.#begin(next).next;
    }
    for (const key of this.#ahead.keys()) if (!wanted.has(key)) this.#ahead.delete(key);
    const started = performance.now();
    const items = await update.items;
    this.#waitedMs += performance.now() - started;
    const { positions, counts, next: after } = update;
    return { items, positions, counts, next: after };
  }

  #begin(cursor: Cursor): Loading {
    const key = keyOf(cursor);
    const known = this.#ahead.get(key);
    if (known) return known;
    const planned = this.#plan.take(cursor);
    const update = { ...planned, items: this.#load(planned.positions), isLoaded: false };
    update.items.then(
      () => {
        update.isLoaded = true;
      },
      // `take` throws the failure to its caller. The next call loads the update again.
      () => this.#ahead.delete(key),
    );
    this.#ahead.set(key, update);
    return update;
  }

  /** Fillers, and the pictures of small sets, occur several times and are read once. */
  async #load(positions: readonly number[]): Promise<readonly TrainingItem[]> {
    const wanted = [...new Set(positions)];
    const items = await this.#source.load(wanted);
    const byPosition = new Map(wanted.map((position, i) => [position, items[i]]));
    return positions.flatMap(position => byPosition.get(position) ?? []);
  }
}

function keyOf({ epoch, position }: Cursor): string {
  return `${epoch}/${position}`;
}
