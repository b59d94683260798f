/** @file The order in which training visits items. */
import { type DataConfig, groupSizeOf } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import { Unprocessable } from '../../errors.ts';
import { permutation, RandomStream } from '../../numerics/random-stream.ts';
import { sizeKey } from '../model/batch.ts';
import { classifyPictures, type PictureClass } from './picture-times.ts';
import type { SourceIndex } from './source.ts';

/** Position in the endless sequence of groups: the epoch, and the group in the epoch. */
export interface Cursor {
  readonly epoch: number;
  readonly position: number;
  /** Pictures of a group; absent at the start, and in checkpoints that count updates. */
  readonly group?: number | undefined;
}

export interface PlannedUpdate {
  /** Positions of the items, group after group. */
  readonly positions: readonly number[];
  /** False for a filler: it makes a group whole, and its loss does not count. */
  readonly counts: readonly boolean[];
  readonly next: Cursor;
}

/** A range of the items of an epoch. */
interface Group {
  readonly start: number;
  readonly end: number;
}

/**
 * The order of an epoch: a permutation keyed by (seed, epoch). The pictures of each size are cut into groups; the last
 * group of a size is filled up with pictures of its own. Groups come in random order, and each update takes the next
 * ones, across the ends of epochs. So an epoch has every picture once, fillers aside. Pictures of one size only are
 * groups of one picture, without fillers.
 *
 * With sets of unlike weight, or sizes taken uniformly, an epoch has some pictures several times or not at all. Those
 * of one set and size take turns in a fixed order that goes on from epoch to epoch: after any number of epochs, none
 * of them was taken more than once more often than another.
 */
export class EpochPlan {
  /** Of the size of each picture. */
  readonly #sizeKeys: readonly string[];
  readonly #seed: Seed;
  readonly #batchSize: number;
  readonly #groupSize: number;
  readonly #classes: readonly PictureClass[] | undefined;
  #epoch = -1;
  /** Positions of items in the order of their groups. */
  #order: readonly number[] = [];
  #groups: readonly Group[] = [];

  constructor(
    { sizes, sets }: Pick<SourceIndex, 'sizes' | 'sets'>,
    seed: Seed,
    data: Pick<DataConfig, 'batch_size' | 'bucket_group' | 'bucket_sampling'>,
  ) {
    if (sizes.length === 0) {
      throw new Unprocessable('the dataset has no item in its train split', {
        expected: 'at least one picture to train on',
        hint: 'import more pictures; about 90 % of them go to the train split',
      });
    }
    this.#sizeKeys = sizes.map(sizeKey);
    this.#seed = seed;
    this.#batchSize = data.batch_size;
    this.#classes = classifyPictures({ sizes, ...(sets && { sets }) }, data);
    const places = this.#classes?.reduce((sum, { positions, times }) => sum + positions.length * times, 0) ?? 1;
    if (places < 1) {
      throw new Unprocessable(`a pass over the data sets has ${places} pictures`, {
        expected: 'weights by which a pass has one picture or more',
      });
    }
    this.#groupSize = new Set(this.#sizeKeys).size === 1 ? 1 : groupSizeOf(data);
  }

  /**
   * The cursor from which a training goes on. A cursor that counts other groups, of an earlier version or of a dataset
   * with other sizes, has no place in this order: the training goes on with the next epoch.
   * @throws Unprocessable for a group that the epoch does not have.
   */
  follow({ epoch, position, group }: Cursor): Cursor {
    this.#load(epoch);
    const isKnown = position === 0 || group === this.#groupSize;
    if (isKnown && position > 0 && position >= this.#groups.length) {
      const there = `epoch ${epoch} of this dataset has ${this.#groups.length} groups, and no group ${position}`;
      throw new Unprocessable(`${there}: the checkpoint was trained on another dataset`, {
        expected: 'the dataset of the checkpoint',
        hint: 'new_epoch: true begins an epoch of another one',
      });
    }
    return { ...(isKnown ? { epoch, position } : { epoch: epoch + 1, position: 0 }), group: this.#groupSize };
  }

  /** The update at the cursor, and the cursor after it. */
  take(cursor: Cursor): PlannedUpdate {
    let { epoch, position } = this.follow(cursor);
    const positions: number[] = [];
    const counts: boolean[] = [];
    while (positions.length < this.#batchSize) {
      this.#load(epoch);
      if (this.#groups.length === 0) {
        [epoch, position] = [epoch + 1, 0];
        continue;
      }
      const { start, end } = this.#groups[position] ?? { start: 0, end: 1 };
      for (let i = 0; i < this.#groupSize; i++) {
        positions.push(this.#order[start + (i % (end - start))] ?? 0);
        counts.push(start + i < end);
      }
      position += 1;
      if (position === this.#groups.length) [epoch, position] = [epoch + 1, 0];
    }
    return { positions, counts, next: { epoch, position, group: this.#groupSize } };
  }

  /** Passes over the pictures up to the cursor. */
  passes(cursor: Cursor): number {
    const { epoch, position } = this.follow(cursor);
    return epoch + (this.#groups.length === 0 ? 0 : position / this.#groups.length);
  }

  #load(epoch: number): void {
    if (this.#epoch === epoch) return;
    const random = new RandomStream(this.#seed, 'order', epoch);
    const places = this.#classes ? this.#classes.flatMap((each, i) => this.#takeTurns(each, i, epoch)) : undefined;
    const shuffled = permutation(places?.length ?? this.#sizeKeys.length, random);
    const visited = places ? Array.from(shuffled, place => places[place] ?? 0) : shuffled;
    const bySize = Map.groupBy(visited, position => this.#sizeKeys[position]);
    const groups: Group[] = [];
    const order: number[] = [];
    for (const positions of bySize.values()) {
      const end = order.length + positions.length;
      for (let start = order.length; start < end; start += this.#groupSize) {
        groups.push({ start, end: Math.min(start + this.#groupSize, end) });
      }
      for (const position of positions) order.push(position);
    }
    this.#order = order;
    this.#groups = Array.from(permutation(groups.length, random), index => groups[index] ?? { start: 0, end: 1 });
    this.#epoch = epoch;
  }

  /** The pictures of a class that an epoch takes. */
  #takeTurns({ positions, times }: PictureClass, index: number, epoch: number): number[] {
    const perEpoch = times * positions.length;
    const [from, to] = [Math.floor(epoch * perEpoch), Math.floor((epoch + 1) * perEpoch)];
    const turns = permutation(positions.length, new RandomStream(this.#seed, 'turns', index));
    return Array.from({ length: to - from }, (_, i) => positions[turns[(from + i) % positions.length] ?? 0] ?? 0);
  }
}
