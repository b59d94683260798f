import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { chooseBucket, scaleBuckets } from './buckets.ts';
import { centreWindow, coverSize, cutOf, isInside, type Point, poseWindow } from './crop.ts';
import { coverNotable, coverRgb, probeImage, windowRgb } from './image.ts';

const BUCKET = { width: 64, height: 64 };

/** Numbers from 0 to 1, always the same. */
function* draw(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test('the window about the centre covers its bucket, and what it cuts is what is left over', () => {
  const random = draw(1);
  const side = () => 20 + Math.floor(random.next().value * 4000);
  for (let i = 0; i < 500; i++) {
    const size = { width: side(), height: side() };
    const bucket = chooseBucket(scaleBuckets(256, 16), size.width, size.height);
    const window = centreWindow(bucket, size);
    const { scaled, left, top, width, height } = window;
    expect([width, height]).toEqual([bucket.width, bucket.height]);
    expect(scaled.width === width || scaled.height === height).toBe(true);
    expect([left >= 0, top >= 0, left + width <= scaled.width, top + height <= scaled.height]).not.toContain(false);
    expect(Math.abs(2 * left + width - scaled.width)).toBeLessThanOrEqual(1);
    expect(Math.abs(2 * top + height - scaled.height)).toBeLessThanOrEqual(1);
    expect(cutOf(window)).toBeCloseTo(1 - (width * height) / (scaled.width * scaled.height), 12);
  }
});

test('a window about joints keeps as many of them as any window does', () => {
  const random = draw(2);
  for (let i = 0; i < 200; i++) {
    const size = i % 2 === 0 ? { width: 200, height: 100 } : { width: 90, height: 250 };
    const points: Point[] = Array.from({ length: i % 7 }, () => ({
      x: random.next().value * 1.2 - 0.1,
      y: random.next().value * 1.2 - 0.1,
    }));
    const best = poseWindow(BUCKET, size, points);
    const kept = (window: typeof best) => points.filter(point => isInside(window, point)).length;
    const scaled = coverSize(BUCKET, size);
    let most = 0;
    for (let left = 0; left <= scaled.width - 64; left++) {
      for (let top = 0; top <= scaled.height - 64; top++) {
        most = Math.max(most, kept({ ...best, left, top }));
      }
    }
    expect(kept(best)).toBe(most);
  }
});

test('a window leaves equal room on both sides of the joints that it keeps', () => {
  const head = { x: 0.1, y: 0.5 };
  const hand = { x: 0.3, y: 0.5 };
  // Scaled to 192 x 64: the joints lie at 19.2 and 57.6.
  expect(poseWindow(BUCKET, { width: 300, height: 100 }, [head, hand])).toMatchObject({ left: 6, top: 0 });
  expect(poseWindow(BUCKET, { width: 300, height: 100 }, [head])).toMatchObject({ left: 0 });
  expect(poseWindow(BUCKET, { width: 300, height: 100 }, [{ x: 0.99, y: 0.5 }])).toMatchObject({ left: 128 });
});

test('without joints, or with joints beside the picture alone, the window is about the centre', () => {
  const size = { width: 300, height: 100 };
  expect(poseWindow(BUCKET, size, [])).toEqual(centreWindow(BUCKET, size));
  expect(poseWindow(BUCKET, size, [{ x: 1.4, y: 0.5 }])).toEqual(centreWindow(BUCKET, size));
});

test('a window of a picture that EXIF turns is a window of the turned picture', async () => {
  const bytes = await readFile(new URL('./testdata/oriented-6.jpg', import.meta.url));
  const { width, height } = await probeImage(bytes);
  for (const bucket of [
    { width: 24, height: 16 },
    { width: 16, height: 24 },
    { width: 16, height: 40 },
  ]) {
    const ours = await windowRgb(bytes, centreWindow(bucket, { width, height }));
    const cover = await coverRgb(bytes, bucket.width, bucket.height);
    const far = Array.from(ours.data, (level, i) => Math.abs(level - (cover.data[i] ?? 0)));
    expect(far.reduce((sum, each) => sum + each, 0) / far.length).toBeLessThan(3);
    const notable = await coverNotable(bytes, bucket, 'attention');
    const { left, top } = notable;
    const same = await windowRgb(bytes, { ...centreWindow(bucket, { width, height }), left, top });
    const apart = Array.from(same.data, (level, i) => Math.abs(level - (notable.data[i] ?? 0)));
    expect(apart.reduce((sum, each) => sum + each, 0) / apart.length).toBeLessThan(3);
  }
});
