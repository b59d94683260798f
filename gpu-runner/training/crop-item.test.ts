import { expect, test } from 'vitest';
import { RandomStream } from '../../numerics/random-stream.ts';
import { cropAround, openAugment } from './augment.ts';
import { cropItem } from './crop-item.ts';
import { mirrorItem } from './mirror-item.ts';
import type { TrainingItem } from './source.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

/** 16 x 24 pixels, patches of 4 pixels. */
function picture(): TrainingItem {
  const [item] = tinyItems(1, 16, 24);
  if (item === undefined) throw new Error('there is one picture');
  return item;
}

test('a crop has the pixels and patches of its place', () => {
  const item = picture();
  const cropped = cropItem(item, { top: 4, left: 8, height: 8, width: 12 });
  expect(cropped).toMatchObject({ height: 8, width: 12 });
  const pixel = ({ pixels, height, width }: TrainingItem, c: number, y: number, x: number) =>
    pixels[(c * height + y) * width + x];
  expect(pixel(cropped, 1, 3, 5)).toBe(pixel(item, 1, 7, 13));
  const patches = cropped.signals.patches;
  expect(patches).toMatchObject({ rows: 2 });
  expect(patches?.data).toHaveLength(2 * 3 * 3);
  const own = item.signals.patches?.data ?? [];
  // Row 1, column 2 of the crop is row 2, column 4 of the picture.
  expect([...(patches?.data.slice(15, 18) ?? [])]).toEqual([...own.slice((2 * 6 + 4) * 3, (2 * 6 + 4) * 3 + 3)]);
});

test('joints keep their place in the scene, and those outside are gone', () => {
  const pose = { rows: 133, data: new Float32Array(399) };
  // Pixels (18, 6), then (2, 6), of 24 x 16.
  pose.data.set([0.5, -0.25, 0.9, 2 * (2 / 24) - 1, -0.25, 0.8]);
  const cropped = cropItem({ ...picture(), signals: { pose } }, { top: 4, left: 8, height: 8, width: 12 });
  const [x, y, confidence, ...outside] = cropped.signals.pose?.data.slice(0, 6) ?? [];
  expect(((x ?? 0) + 1) * 6 + 8).toBeCloseTo(18, 5);
  expect(((y ?? 0) + 1) * 4 + 4).toBeCloseTo(6, 5);
  expect(confidence).toBeCloseTo(0.9, 6);
  expect(outside).toEqual([0, 0, 0]);
});

test('crops lie up to the jitter from the middle, and begin at whole patches', () => {
  const { patches: _, ...others } = picture().signals;
  const plain = { ...picture(), signals: others };
  const place = (item: TrainingItem, step: number) => {
    const drawn = Array.from({ length: 400 }, (_, ordinal) =>
      Buffer.from(cropAround(item, 4, new RandomStream(7, 'crop', ordinal)).pixels).toString('latin1'),
    );
    const places = Array.from({ length: (8 / step + 1) ** 2 }, (_, i) => {
      const [top, left] = [step * Math.floor(i / (8 / step + 1)), step * (i % (8 / step + 1))];
      return Buffer.from(cropItem(plain, { top, left, height: 8, width: 16 }).pixels).toString('latin1');
    });
    expect(drawn.every(pixels => places.includes(pixels))).toBe(true);
    return new Set(drawn).size;
  };
  expect(place(picture(), 4)).toBe(9);
  // 400 draws of 81 places leave out fewer than one of them on average.
  expect(place(plain, 1)).toBeGreaterThan(75);
  expect(cropAround(plain, 4).pixels).toEqual(cropItem(plain, { top: 4, left: 4, height: 8, width: 16 }).pixels);
});

test('a jitter that cuts patches is refused', () => {
  expect(() => cropAround(picture(), 2)).toThrow(/would cut the patches of 4 pixels/);
});

test('each caption of a picture is drawn about equally often', () => {
  const texts = [1, 2].map(rows => ({ rows, data: new Float32Array(rows * 6) }));
  const item = { ...picture(), texts };
  const augment = openAugment(tinyConfig({ data: { caption_variants: 'all' } }));
  const counts = new Map<unknown, number>();
  for (let ordinal = 0; ordinal < 900; ordinal++) {
    const { text } = augment(item, ordinal).signals;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  expect([...counts.keys()]).toHaveLength(3);
  for (const count of counts.values())
    expect(Math.abs(count - 300)).toBeLessThan(4 * Math.sqrt(900 * (1 / 3) * (2 / 3)));
  expect(openAugment(tinyConfig())(item, 5)).toBe(item);
});

test('a mask is cropped and mirrored with its picture', () => {
  const item = picture();
  // The mask is the first channel.
  const masked = { ...item, mask: item.pixels.slice(0, 16 * 24) };
  const cropped = cropItem(masked, { top: 4, left: 8, height: 8, width: 12 });
  expect(cropped.mask).toEqual(cropped.pixels.slice(0, 8 * 12));
  const mirrored = mirrorItem(cropped, { cls: 'dinov3-vitl16', patches: 'efficientnet-lite0' });
  expect(mirrored.mask).toEqual(mirrored.pixels.slice(0, 8 * 12));
  expect(mirrored.mask).not.toEqual(cropped.mask);
});
