import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openAugment } from './augment.ts';
import { averageGrid, resizePlanes } from './resample.ts';
import { resizeItem } from './resize-item.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

interface Golden {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly number[];
  readonly cases: readonly Omit<Golden, 'cases'>[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('./testdata/resize-golden.json', import.meta.url), 'utf8'));

describe('pixels', () => {
  test.each(golden.cases)('are resized to $width x $height as Pillow does, to one step of brightness', to => {
    // Two planes, of which the second is the negative of the first.
    const data = Uint8Array.from([...golden.pixels, ...golden.pixels.map(value => 255 - value)]);
    const resized = resizePlanes(data, golden, to);
    const area = to.width * to.height;
    expect(resized).toHaveLength(2 * area);
    for (const [i, value] of to.pixels.entries()) {
      expect(Math.abs((resized[i] ?? Number.NaN) - value), `pixel ${i}`).toBeLessThanOrEqual(1);
      expect(Math.abs((resized[area + i] ?? Number.NaN) - (255 - value)), `pixel ${i}`).toBeLessThanOrEqual(1);
    }
  });
});

test('vectors of a grid are means over their areas, also where a cell is shared', () => {
  const data = Float32Array.from([1, 10, 2, 20, 6, 60, 3, 30, 4, 40, 8, 80]);
  expect([...averageGrid(data, { height: 2, width: 3 }, { height: 1, width: 3 })]).toEqual([2, 20, 3, 30, 7, 70]);
  const shared = averageGrid(Float32Array.from([1, 2, 6]), { height: 1, width: 3 }, { height: 1, width: 2 });
  expect(shared[0]).toBeCloseTo((1 + 2 / 2) / 1.5, 6);
  expect(shared[1]).toBeCloseTo((2 / 2 + 6) / 1.5, 6);
});

test('a smaller picture has a coarser grid of patches, and keeps joints, CLS and text', () => {
  const [item] = tinyItems(1, 16, 24);
  if (item === undefined) throw new Error('there is one picture');
  const small = resizeItem(item, { height: 8, width: 12 });
  expect(small).toMatchObject({ height: 8, width: 12, signals: { patches: { rows: 2 } } });
  expect(small.pixels).toHaveLength(3 * 8 * 12);
  expect(small.signals.patches?.data).toHaveLength(2 * 3 * 3);
  expect(small.signals.pose).toBe(item.signals.pose);
  expect(small.signals.text).toBe(item.signals.text);
  expect(resizeItem(item, { height: 16, width: 24 })).toBe(item);
  expect(() => resizeItem(item, { height: 10, width: 12 })).toThrow(/patches of 4 pixels do not fill/);
});

test('a mask stays on its picture through a crop, a smaller size and a mirror', () => {
  const [item] = tinyItems(1, 32, 48);
  if (item === undefined) throw new Error('there is one picture');
  const masked = { ...item, mask: item.pixels.slice(0, 32 * 48), signals: {} };
  const { seed, data, model, ...rest } = tinyConfig();
  const augment = openAugment({
    ...rest,
    seed,
    model: { ...model, conditions: undefined },
    data: {
      ...data,
      crop_jitter: 4,
      horizontal_flip_prob: 0.5,
      resolution_schedule: [{ until_step: 100, scale: 0.5 }],
    },
  });
  const varied = Array.from({ length: 8 }, (_, ordinal) => augment(masked, ordinal));
  for (const { height, width, pixels, mask } of varied) {
    expect([height, width]).toEqual([12, 20]);
    expect(mask).toEqual(pixels.slice(0, height * width));
  }
  expect(new Set(varied.map(({ mask }) => String(mask))).size).toBeGreaterThan(4);
});
