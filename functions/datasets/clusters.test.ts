import { expect, test } from 'vitest';
import { type Assignment, assignClusters, splitOf } from './clusters.ts';

const ids = Array.from({ length: 4000 }, (_, i) => i.toString(16).padStart(16, '0'));
const idWith = (split: string, skip = 0) => ids.filter(id => splitOf(id) === split)[skip] ?? '';
const nothing = new Map<string, Assignment>();

test('90 % of clusters are for training, 5 % each for validation and test', () => {
  const share = (split: string) => ids.filter(id => splitOf(id) === split).length / ids.length;
  expect(share('train')).toBeCloseTo(0.9, 1);
  expect(Math.abs(share('val') - 0.05)).toBeLessThan(0.015);
  expect(Math.abs(share('test') - 0.05)).toBeLessThan(0.015);
});

test('a near-duplicate gets the cluster, and so the split, of the earlier picture', () => {
  const [val, train] = [idWith('val'), idWith('train')];
  const assigned = assignClusters([val, train], new Map([[1, [0]]]), nothing);
  expect(assigned.get(val)).toEqual({ cluster: val, split: 'val' });
  expect(assigned.get(train)).toEqual({ cluster: val, split: 'val' });
});

test('a picture near pictures of several splits gets no split, and later pictures do not follow it', () => {
  const order = [idWith('train'), idWith('val'), idWith('train', 1), idWith('train', 2)];
  const assigned = assignClusters(
    order,
    new Map([
      [2, [0, 1]],
      [3, [2]],
    ]),
    nothing,
  );
  expect(assigned.get(order[2] ?? '')).toEqual({ reason: expect.stringContaining('train and val') });
  expect(assigned.get(order[3] ?? '')).toEqual({ cluster: order[3], split: 'train' });
});

test('a picture near two clusters of one split joins the first', () => {
  const order = [idWith('train'), idWith('train', 1), idWith('test')];
  const assigned = assignClusters(order, new Map([[2, [0, 1]]]), nothing);
  expect(assigned.get(order[2] ?? '')).toEqual({ cluster: order[0], split: 'train' });
});

test('further pictures never move an earlier one', () => {
  const near = new Map(ids.flatMap((_, i) => (i % 3 === 2 ? [[i, [i - 1, Math.floor(i / 2)]] as const] : [])));
  const all = assignClusters(ids, near, nothing);
  const some = assignClusters(ids.slice(0, 1000), near, nothing);
  for (const [id, assignment] of some) expect(all.get(id)).toEqual(assignment);
});

test('earlier assignments stay, and new pictures follow them', () => {
  const [first, second] = [idWith('train'), idWith('train', 1)];
  const fixed = new Map<string, Assignment>([[first, { cluster: 'x', split: 'test' }]]);
  const assigned = assignClusters([first, second], new Map([[1, [0]]]), fixed);
  expect(assigned.get(first)).toEqual({ cluster: 'x', split: 'test' });
  expect(assigned.get(second)).toEqual({ cluster: 'x', split: 'test' });
});
