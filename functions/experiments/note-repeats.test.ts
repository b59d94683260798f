import { expect, test } from 'vitest';
import { EpochPlan } from '../../gpu-runner/training/epoch-plan.ts';
import { noteRepeats } from './note-repeats.ts';

const bucket = (width: number, height: number, train: number) => ({ width, height, pictures: train + 1, train });

test('sizes of fewer pictures than a batch are named, the rarest first', () => {
  const buckets = [bucket(32, 32, 57), bucket(24, 40, 3), bucket(40, 24, 1), bucket(48, 24, 8), bucket(24, 48, 0)];
  expect(noteRepeats(buckets, 16).map(({ count, text }) => [count, text])).toEqual([
    [1, '1 picture of 40 x 24 fills a batch of 16: it is seen 16 times an epoch'],
    [3, '3 pictures of 24 x 40 fill a batch of 16: each is seen 5 to 6 times an epoch'],
    [8, '8 pictures of 48 x 24 fill a batch of 16: each is seen 2 times an epoch'],
  ]);
});

test('sizes that fill a batch say nothing', () => {
  expect(noteRepeats([bucket(32, 32, 16), bucket(24, 40, 17)], 16)).toEqual([]);
});

test('an epoch shows each picture as often as the note says', () => {
  const sizes = [...Array(5).fill({ width: 32, height: 32 }), ...Array(3).fill({ width: 24, height: 40 })];
  const plan = new EpochPlan(sizes, 7, 16);
  const seen = new Map<number, number>();
  for (let cursor = { epoch: 0, position: 0 }; cursor.epoch === 0; ) {
    const { positions, next } = plan.take(cursor);
    for (const position of positions) seen.set(position, (seen.get(position) ?? 0) + 1);
    cursor = { ...next };
  }
  expect(noteRepeats([bucket(32, 32, 5), bucket(24, 40, 3)], 16).map(({ text }) => text)).toEqual([
    expect.stringContaining('each is seen 5 to 6 times'),
    expect.stringContaining('each is seen 3 to 4 times'),
  ]);
  expect([...seen].map(([position, times]) => (position < 5 ? [3, 4] : [5, 6]).includes(times))).toEqual(
    Array(8).fill(true),
  );
});
