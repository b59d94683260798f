/** @file Loads the items of the epoch plan's groups ahead: the next groups load while the trainer works on one. */
import type { Cursor, EpochPlan } from './epoch-plan.ts';
import type { TrainingItem, TrainingSource } from './source.ts';

/** Groups that load while the trainer works on one. */
const AHEAD = 2;

interface Group {
  isLoaded: boolean;
  readonly items: Promise<readonly TrainingItem[]>;
  readonly next: Cursor;
}

export class BatchStream {
  readonly #plan: EpochPlan;
  readonly #source: TrainingSource;
  /** Loading groups by cursor, in the order in which `take` will ask for them. */
  readonly #ahead = new Map<string, Group>();
  #waitedMs = 0;

  constructor(plan: EpochPlan, source: TrainingSource) {
    this.#plan = plan;
    this.#source = source;
  }

  /** Milliseconds that callers of `take` have waited for data. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** True if `take` would not wait. Starts to load the group. */
  isLoaded(cursor: Cursor): boolean {
    return this.#begin(cursor).isLoaded;
  }

  /** Waits until the group at the cursor is loaded. @throws The failure of the load. */
  async ready(cursor: Cursor): Promise<void> {
    const started = performance.now();
    await this.#begin(cursor).items;
    this.#waitedMs += performance.now() - started;
  }

  /** The group at the cursor, and the cursor after it. Starts to load the groups that follow. */
  async take(cursor: Cursor): Promise<{ readonly items: readonly TrainingItem[]; readonly next: Cursor }> {
    const group = this.#begin(cursor);
    this.#ahead.delete(keyOf(cursor));
    let { next } = group;
    const wanted = new Set<string>();
    for (let i = 0; i < AHEAD; i++) {
      wanted.add(keyOf(next));
      next = this.#begin(next).next;
    }
    for (const key of this.#ahead.keys()) if (!wanted.has(key)) this.#ahead.delete(key);
    const started = performance.now();
    const items = await group.items;
    this.#waitedMs += performance.now() - started;
    return { items, next: group.next };
  }

  #begin(cursor: Cursor): Group {
    const key = keyOf(cursor);
    const known = this.#ahead.get(key);
    if (known) return known;
    const { positions, next } = this.#plan.take(cursor);
    const items = this.#source.load(positions);
    // `take` throws the failure to its caller. The next call loads the group again.
    const group = { items, next, isLoaded: false };
    items.then(
      () => {
        group.isLoaded = true;
      },
      () => this.#ahead.delete(key),
    );
    this.#ahead.set(key, group);
    return group;
  }
}

function keyOf({ epoch, position }: Cursor): string {
  return `${epoch}/${position}`;
}
