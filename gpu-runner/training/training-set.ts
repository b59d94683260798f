/** @file What training reads: items in memory, and the order in which they are visited. */
import type { SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { permutation, RandomStream } from '../model/random.ts';

/** What a picture has of one signal: all of it, in rows of the first axis. */
export interface SignalData {
  readonly rows: number;
  readonly data: Float32Array;
}

/** One picture and its signals; absent ones are dropped in every sample. */
export interface TrainingItem {
  readonly id: string;
  readonly height: number;
  readonly width: number;
  /** uint8 [3, height, width] */
  readonly pixels: Uint8Array;
  readonly signals: Readonly<Partial<Record<SignalName, SignalData>>>;
}

/** Position in the endless sequence of groups: epoch, and group within it. */
export interface Cursor {
  readonly epoch: number;
  readonly position: number;
}

/**
 * The order of an epoch: a permutation keyed by (seed, epoch), cut into groups of one picture size each. A size's last group is filled up from
 * the beginning of its own order, so that every item is seen at least once per epoch.
 */
export class EpochPlan {
  readonly #items: readonly TrainingItem[];
  readonly #seed: number;
  readonly #groupSize: number;
  #epoch = -1;
  #groups: readonly (readonly TrainingItem[])[] = [];

  constructor(items: readonly TrainingItem[], seed: number, groupSize: number) {
    if (items.length === 0) {
      throw new Unprocessable('the dataset has no item in its train split', {
        expected: 'at least one picture to train on',
        hint: 'import more pictures; about 90 % of them go to the train split',
      });
    }
    this.#items = items;
    this.#seed = seed;
    this.#groupSize = groupSize;
  }

  /** The next `count` samples from the cursor on, all of one size, and the cursor after them. */
  take(cursor: Cursor): { readonly samples: readonly TrainingItem[]; readonly next: Cursor } {
    this.#load(cursor.epoch);
    const samples = this.#groups[cursor.position];
    if (samples === undefined) throw new RangeError(`epoch ${cursor.epoch} has no group ${cursor.position}`);
    const isLast = cursor.position + 1 === this.#groups.length;
    return {
      samples,
      next: isLast ? { epoch: cursor.epoch + 1, position: 0 } : { ...cursor, position: cursor.position + 1 },
    };
  }

  #load(epoch: number): void {
    if (this.#epoch === epoch) return;
    const order = permutation(this.#items.length, new RandomStream(this.#seed, 'order', epoch));
    const bySize = new Map<string, TrainingItem[]>();
    const groups: TrainingItem[][] = [];
    for (const index of order) {
      const item = this.#items[index];
      if (item === undefined) continue;
      const size = `${item.height}x${item.width}`;
      const open = bySize.get(size) ?? [];
      open.push(item);
      bySize.set(size, open);
      if (open.length % this.#groupSize === 0) groups.push(open.slice(-this.#groupSize));
    }
    for (const items of bySize.values()) {
      const rest = items.length % this.#groupSize;
      if (rest === 0) continue;
      const group = items.slice(items.length - rest);
      for (let i = 0; group.length < this.#groupSize; i++) group.push(items[i % items.length] ?? group[0]!);
      groups.push(group);
    }
    this.#groups = groups;
    this.#epoch = epoch;
  }
}
