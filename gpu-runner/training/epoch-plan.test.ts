import { describe, expect, it } from 'vitest';
import type { PictureSize } from '../model/batch.ts';
import { type Cursor, EpochPlan, type PlannedUpdate } from './epoch-plan.ts';

const START: Cursor = { epoch: 0, position: 0 };

/** Pictures of so many sizes: buckets of 120, 40, 25, 10, 4 and 1, as a set of photographs has them. */
const BUCKETS = [120, 40, 25, 10, 4, 1];
const SIZES: readonly PictureSize[] = BUCKETS.flatMap((count, i) =>
  Array.from({ length: count }, () => ({ height: 16 + i, width: 64 })),
);

function planOf(data: { batch_size: number; bucket_group?: number }, sizes = SIZES): EpochPlan {
  return new EpochPlan({ sizes }, 7, data);
}

/** The updates that begin in the first `epochs`. */
function updatesOf(plan: EpochPlan, epochs: number): PlannedUpdate[] {
  const updates: PlannedUpdate[] = [];
  for (let at = plan.follow(START); at.epoch < epochs; at = updates.at(-1)?.next ?? START) updates.push(plan.take(at));
  return updates;
}

/** How often each picture counts. */
function countsOf(updates: readonly PlannedUpdate[]): Map<number, number> {
  const counted = new Map<number, number>();
  for (const { positions, counts } of updates) {
    for (const [i, position] of positions.entries()) {
      if (counts[i]) counted.set(position, (counted.get(position) ?? 0) + 1);
    }
  }
  return counted;
}

describe('the epoch plan', () => {
  it.each([
    ['several sizes', { batch_size: 64, bucket_group: 8 }, SIZES],
    ['several sizes whose groups are updates', { batch_size: 64 }, SIZES],
    ['one size', { batch_size: 64 }, SIZES.slice(0, 100)],
    ['fewer pictures than an update has', { batch_size: 64 }, SIZES.slice(0, 5)],
  ])('every picture counts once per epoch: %s', (_, data, sizes) => {
    const plan = planOf(data, sizes);
    // Enough epochs for updates to end with one.
    const updates = updatesOf(plan, 128);
    const epochs = updates.at(-1)?.next.epoch ?? 0;
    const counted = countsOf(updates.filter(({ next }) => next.epoch < epochs || next.position === 0));
    expect(counted.size).toBe(sizes.length);
    const [least, most] = [Math.min(...counted.values()), Math.max(...counted.values())];
    expect(most - least).toBeLessThanOrEqual(1);
    expect(least).toBeGreaterThanOrEqual(epochs - 1);
  });

  it('a group has pictures of one size, and only the last group of a size has fillers', () => {
    const fillers = updatesOf(planOf({ batch_size: 32, bucket_group: 8 }), 8).flatMap(({ positions, counts }) =>
      [0, 8, 16, 24].map(start => {
        const group = positions.slice(start, start + 8).map(position => SIZES[position]);
        expect(new Set(group.map(size => size?.height)).size).toBe(1);
        expect(counts[start]).toBe(true);
        return counts.slice(start, start + 8).filter(each => !each).length;
      }),
    );
    // 28 groups per epoch: 25, 10, 4 and 1 leave 7, 6, 4 and 7 places.
    expect(fillers.filter(count => count > 0).length / (fillers.length / 28)).toBeCloseTo(4, 0);
    expect(new Set(fillers)).toEqual(new Set([0, 7, 6, 4]));
  });

  it('groups come in another order in each epoch, and the rests are not the last ones', () => {
    const plan = planOf({ batch_size: 8, bucket_group: 8 });
    const updates = updatesOf(plan, 20);
    const heights = updates.map(({ positions }) => SIZES[positions[0] ?? 0]?.height);
    const places = Array.from({ length: 20 }, (_, epoch) => heights.slice(28 * epoch, 28 * (epoch + 1)).indexOf(21));
    expect(new Set(places).size).toBeGreaterThan(8);
    expect(Math.min(...places)).toBeLessThan(10);
  });

  it('pictures of one size have no fillers, and an update goes on into the next epoch', () => {
    const plan = planOf({ batch_size: 64 }, SIZES.slice(0, 100));
    const [first, second] = updatesOf(plan, 2);
    expect(first?.next).toEqual({ epoch: 0, position: 64, group: 1 });
    expect(second?.next).toEqual({ epoch: 1, position: 28, group: 1 });
    expect(second?.counts.every(Boolean)).toBe(true);
  });

  it('the plan is the same from any cursor on', () => {
    const data = { batch_size: 32, bucket_group: 8 };
    const [first, second, third] = updatesOf(planOf(data), 1);
    if (!first || !second || !third) throw new Error('an epoch has three updates');
    expect(planOf(data).take(second.next)).toEqual(third);
    expect(planOf(data).take(first.next)).toEqual(second);
  });

  it.each([
    ['counts updates, as in checkpoints of earlier versions', { epoch: 3, position: 2 }],
    ['counts other groups', { epoch: 3, position: 2, group: 4 }],
  ])('a training goes on with the next epoch if its cursor %s', (_, cursor) => {
    const plan = planOf({ batch_size: 32, bucket_group: 8 });
    expect(plan.follow(cursor)).toEqual({ epoch: 4, position: 0, group: 8 });
    expect(plan.take(cursor)).toEqual(plan.take({ epoch: 4, position: 0 }));
  });

  it('a cursor behind the last group is refused: it belongs to another dataset', () => {
    const plan = planOf({ batch_size: 32, bucket_group: 8 });
    expect(() => plan.take({ epoch: 3, position: 28, group: 8 })).toThrow(
      'epoch 3 of this dataset has 28 groups, and no group 28: the checkpoint was trained on another dataset',
    );
  });

  it('a cursor at the start of an epoch stays there, whatever it counts', () => {
    expect(planOf({ batch_size: 32, bucket_group: 8 }).follow({ epoch: 3, position: 0 })).toMatchObject({ epoch: 3 });
  });
});
