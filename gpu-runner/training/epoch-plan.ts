/** @file The order in which training visits items. */
import type { Seed } from '../../configs/seed.ts';
import { Unprocessable } from '../../errors.ts';
import { permutation, RandomStream } from '../model/random.ts';
import type { PictureSize } from './source.ts';

/** Position in the endless sequence of groups: the epoch, and the group in the epoch. */
export interface Cursor {
  readonly epoch: number;
  readonly position: number;
}

/**
 * The order of an epoch: a permutation keyed by (seed, epoch), cut into groups. All pictures of a group have one size.
 * The last group of a size is filled up from the beginning of that size's order, so an epoch has every item at least
 * once.
 */
export class EpochPlan {
  readonly #sizes: readonly PictureSize[];
  readonly #seed: Seed;
  readonly #groupSize: number;
  #epoch = -1;
  #groups: readonly (readonly number[])[] = [];

  constructor(sizes: readonly PictureSize[], seed: Seed, groupSize: number) {
    if (sizes.length === 0) {
      throw new Unprocessable('the dataset has no item in its train split', {
        expected: 'at least one picture to train on',
        hint: 'import more pictures; about 90 % of them go to the train split',
      });
    }
    this.#sizes = sizes;
    this.#seed = seed;
    this.#groupSize = groupSize;
  }

  /** Positions of the group at the cursor, all of one size, and the cursor after it. */
  take(cursor: Cursor): { readonly positions: readonly number[]; readonly next: Cursor } {
    this.#load(cursor.epoch);
    const positions = this.#groups[cursor.position];
    if (positions === undefined) {
      const there = `epoch ${cursor.epoch} of this dataset has ${this.#groups.length} groups, and no group ${cursor.position}`;
      throw new Unprocessable(`${there}: the checkpoint was trained on another dataset`, {
        expected: 'the dataset of the checkpoint',
        hint: 'new_epoch: true begins an epoch of another one',
      });
    }
    const isLast = cursor.position + 1 === this.#groups.length;
    return {
      positions,
      next: isLast ? { epoch: cursor.epoch + 1, position: 0 } : { ...cursor, position: cursor.position + 1 },
    };
  }

  #load(epoch: number): void {
    if (this.#epoch === epoch) return;
    const bySize = new Map<string, number[]>();
    const groups: number[][] = [];
    for (const position of permutation(this.#sizes.length, new RandomStream(this.#seed, 'order', epoch))) {
      const { height, width } = this.#sizes[position] ?? { height: 0, width: 0 };
      const open = bySize.get(`${height}x${width}`) ?? [];
      open.push(position);
      bySize.set(`${height}x${width}`, open);
      if (open.length % this.#groupSize === 0) groups.push(open.slice(-this.#groupSize));
    }
    for (const positions of bySize.values()) {
      const rest = positions.length % this.#groupSize;
      if (rest === 0) continue;
      const group = positions.slice(positions.length - rest);
      for (let i = 0; group.length < this.#groupSize; i++) group.push(positions[i % positions.length] ?? 0);
      groups.push(group);
    }
    this.#groups = groups;
    this.#epoch = epoch;
  }
}
