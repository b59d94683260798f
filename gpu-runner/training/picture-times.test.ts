import { expect, test } from 'vitest';
import { type Cursor, EpochPlan } from './epoch-plan.ts';

const size = (width: number) => ({ width, height: 16 });

/** How often each picture counts in each of the first epochs, of updates of one group. */
function countByEpoch(index: ConstructorParameters<typeof EpochPlan>[0], data: object, epochs: number) {
  const plan = new EpochPlan(index, 7, { batch_size: 1, ...data });
  const counted = Array.from({ length: epochs }, () => new Array<number>(index.sizes.length).fill(0));
  for (let at: Cursor = plan.follow({ epoch: 0, position: 0 }); at.epoch < epochs; ) {
    const { positions, counts, next } = plan.take(at);
    const row = counted[next.position === 1 || next.epoch === at.epoch ? next.epoch : at.epoch] ?? [];
    for (const [i, position] of positions.entries()) if (counts[i]) row[position] = (row[position] ?? 0) + 1;
    at = next;
  }
  return counted;
}

const totalOf = (rows: readonly (readonly number[])[], from: number, to: number) =>
  rows.flatMap(row => row.slice(from, to)).reduce((sum, count) => sum + count, 0);

test('repeats take the pictures of a set so often in each pass', () => {
  const sizes = Array(7).fill(size(16));
  const sets = [
    { name: 'a', end: 3, times: 1 },
    { name: 'b', end: 7, times: 3 },
  ];
  expect(countByEpoch({ sizes, sets }, {}, 3)).toEqual(Array(3).fill([1, 1, 1, 3, 3, 3, 3]));
});

test('of a set of weight 0.4, the pictures take turns over the passes', () => {
  const sizes = Array(15).fill(size(16));
  const sets = [
    { name: 'a', end: 5, times: 1 },
    { name: 'b', end: 15, times: 0.4 },
  ];
  const rows = countByEpoch({ sizes, sets }, {}, 5);
  for (const row of rows) expect([totalOf([row], 0, 5), totalOf([row], 5, 15)]).toEqual([5, 4]);
  const sums = sizes.map((_, i) => totalOf(rows, i, i + 1));
  expect(sums).toEqual([...Array(5).fill(5), ...Array(10).fill(2)]);
});

test('sizes that are taken uniformly have equal shares, and a pass is as long', () => {
  const sizes = [...Array(16).fill(size(16)), ...Array(6).fill(size(32)), ...Array(2).fill(size(48))];
  const rows = countByEpoch({ sizes }, { bucket_sampling: 'uniform' }, 6);
  expect([totalOf(rows, 0, 16), totalOf(rows, 16, 22), totalOf(rows, 22, 24)]).toEqual([48, 48, 48]);
  for (let i = 0; i < 16; i++) expect(totalOf(rows, i, i + 1)).toBe(3);
});

test('with weights of 1, the order is that of one set', () => {
  const sizes = [...Array(9).fill(size(16)), ...Array(5).fill(size(32))];
  const sets = [
    { name: 'a', end: 4, times: 1 },
    { name: 'b', end: 14, times: 1 },
  ];
  const data = { batch_size: 8, bucket_group: 4 };
  const [plain, mixed] = [new EpochPlan({ sizes }, 7, data), new EpochPlan({ sizes, sets }, 7, data)];
  let at: Cursor = { epoch: 0, position: 0 };
  for (let i = 0; i < 12; i++) {
    expect(mixed.take(at)).toEqual(plain.take(at));
    at = plain.take(at).next;
  }
});

test('weights by which a pass has no picture are refused', () => {
  const sets = [{ name: 'a', end: 2, times: 0.1 }];
  expect(() => new EpochPlan({ sizes: Array(2).fill(size(16)), sets }, 7, { batch_size: 2 })).toThrow(
    'a pass over the data sets has 0.2 pictures',
  );
});

test('passes without a picture are passed over', () => {
  const sizes = [size(16), size(32)];
  const sets = [
    { name: 'a', end: 1, times: 0.5 },
    { name: 'b', end: 2, times: 0.5 },
  ];
  const { positions, next } = new EpochPlan({ sizes, sets }, 7, { batch_size: 2, bucket_group: 1 }).take({
    epoch: 0,
    position: 0,
  });
  expect([...positions].toSorted()).toEqual([0, 1]);
  expect(next.epoch).toBe(2);
});
