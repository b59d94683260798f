import { expect, test } from 'vitest';
import { type Bucket, chooseBucket, fitBucket, scaleBuckets } from './buckets.ts';

const print = ({ width, height }: Bucket) => `${width}x${height}`;

test('at one megapixel there are the seven default buckets', () => {
  expect(scaleBuckets(1024, 64).map(print)).toEqual([
    '1024x1024',
    '832x1216',
    '1216x832',
    '768x1280',
    '1280x768',
    '704x1344',
    '1344x704',
  ]);
});

test('smaller buckets keep about the area, with sides in multiples of the patch size', () => {
  expect(scaleBuckets(64, 8).map(print)).toEqual(['64x64', '56x80', '80x56', '48x80', '80x48', '48x88', '88x48']);
  for (const { width, height } of scaleBuckets(512, 32)) {
    expect((width % 32) + (height % 32)).toBe(0);
    expect(Math.abs((width * height) / 512 ** 2 - 1)).toBeLessThan(0.15);
  }
  expect(scaleBuckets(8, 8).map(print)).toEqual(['8x8']);
});

test('chooseBucket picks the nearest bucket by the logarithm of the ratio', () => {
  const buckets = scaleBuckets(1024, 64);
  expect(print(chooseBucket(buckets, 3000, 3000))).toBe('1024x1024');
  expect(print(chooseBucket(buckets, 3000, 2000))).toBe('1216x832');
  expect(print(chooseBucket(buckets, 1, 2))).toBe('704x1344');
  for (let height = 100; height < 400; height += 7) {
    const distance = (bucket: Bucket) => Math.abs(Math.log(bucket.width / bucket.height) - Math.log(200 / height));
    const chosen = chooseBucket(buckets, 200, height);
    for (const bucket of buckets) expect(distance(chosen)).toBeLessThanOrEqual(distance(bucket) + 1e-12);
  }
  // The plain difference of ratios would choose another bucket near the border between the two.
  expect(
    print(
      chooseBucket(
        [
          { width: 100, height: 100 },
          { width: 50, height: 100 },
        ],
        72,
        100,
      ),
    ),
  ).toBe('100x100');
  expect(
    print(
      chooseBucket(
        [
          { width: 100, height: 100 },
          { width: 50, height: 100 },
        ],
        70,
        100,
      ),
    ),
  ).toBe('50x100');
});

test('a picture covers its bucket: the factor of its sides, and the share that is cut off', () => {
  const square = { width: 64, height: 64 };
  expect(fitBucket(square, 64, 64)).toEqual({ scale: 1, cut: 0 });
  expect(fitBucket(square, 32, 32)).toEqual({ scale: 2, cut: 0 });
  expect(fitBucket(square, 128, 64)).toEqual({ scale: 1, cut: 0.5 });
  expect(fitBucket(square, 16, 64)).toEqual({ scale: 4, cut: 0.75 });
  expect(fitBucket({ width: 128, height: 64 }, 400, 50).cut).toBeCloseTo(0.75, 10);
});

test('by plain difference, chooseBucket picks as the original project does', () => {
  const buckets = scaleBuckets(1024, 8);
  let others = 0;
  for (let width = 300; width <= 1500; width += 13) {
    for (let height = 300; height <= 1500; height += 17) {
      const theirs = buckets
        .map((bucket, i) => ({ bucket, i, far: Math.abs(bucket.width / bucket.height - width / height) }))
        .sort((a, b) => a.far - b.far || a.i - b.i)[0]?.bucket;
      expect(chooseBucket(buckets, width, height, 'difference')).toBe(theirs);
      if (chooseBucket(buckets, width, height) !== theirs) others++;
    }
  }
  expect(others).toBeGreaterThan(50);
});
