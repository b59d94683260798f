import { expect, test } from 'vitest';
import { dataSchema } from '../../configs/schema.ts';
import { EpochPlan } from '../../gpu-runner/training/epoch-plan.ts';
import { noteEmptyPlaces } from './note-empty-places.ts';

const bucket = (width: number, height: number, train: number) => ({ width, height, pictures: train + 1, train });
const data = dataSchema.parse({ batch_size: 32, bucket_group: 16 });

test('sizes of pictures that fill at most half of a group are named, the rarest first', () => {
  const buckets = [bucket(32, 32, 57), bucket(24, 40, 3), bucket(40, 24, 1), bucket(48, 24, 9), bucket(24, 48, 0)];
  expect(noteEmptyPlaces(buckets, data).map(({ count, text }) => [count, text])).toEqual([
    [1, '1 picture of 40 x 24 in a group of 16: 15 places stay empty'],
    [3, '3 pictures of 24 x 40 in a group of 16: 13 places stay empty'],
  ]);
});

test('pictures of one size say nothing, however few they are', () => {
  expect(noteEmptyPlaces([bucket(32, 32, 5), bucket(24, 48, 0)], data)).toEqual([]);
});

test('an update has as many empty places as the note says', () => {
  const sizes = [...Array(16).fill({ width: 32, height: 32 }), ...Array(3).fill({ width: 24, height: 40 })];
  const { counts } = new EpochPlan({ sizes }, 7, data).take({ epoch: 0, position: 0 });
  expect(counts.filter(each => !each)).toHaveLength(13);
});
