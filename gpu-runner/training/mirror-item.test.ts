import { expect, test } from 'vitest';
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { fromF16Bits, toF16Bits } from '../../formats/half.ts';
import { openAugment } from './augment.ts';
import { mirrorItem } from './mirror-item.ts';
import type { TrainingItem } from './source.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

const LEARNED = { cls: 'dinov3-vitl16', patches: 'efficientnet-lite0' };

function wide(): TrainingItem {
  const [item] = tinyItems(1, 8, 24);
  if (item === undefined) throw new Error('there is one picture');
  return item;
}

test('pixels, places of patches and x of joints change sides; a learned vector and the text stay', () => {
  const item = wide();
  const mirrored = mirrorItem(item, LEARNED);
  const pixel = ({ pixels }: TrainingItem, c: number, y: number, x: number) => pixels[(c * 8 + y) * 24 + x];
  expect(pixel(mirrored, 2, 5, 1)).toBe(pixel(item, 2, 5, 22));
  const patch = ({ signals }: TrainingItem, row: number, column: number) =>
    signals.patches?.data.slice((row * 6 + column) * 3, (row * 6 + column + 1) * 3);
  expect(patch(mirrored, 1, 2)).toEqual(patch(item, 1, 3));
  const joint = ({ signals }: TrainingItem, name: string) => {
    const at = WHOLEBODY_JOINTS.indexOf(name) * 3;
    return [...(signals.pose?.data.slice(at, at + 3) ?? [])];
  };
  const [x = 0, y, confidence] = joint(item, 'left_thumb2');
  expect(joint(mirrored, 'right_thumb2')).toEqual([-x, y, confidence]);
  expect(mirrored.signals.cls?.data).toEqual(item.signals.cls?.data);
  expect(mirrored.signals.text).toBe(item.signals.text);
});

test('a picture that is mirrored twice is the picture, with signals in f32 and in f16', () => {
  const item = wide();
  const cls = { rows: 64, data: Float32Array.from({ length: 64 }, (_, i) => i + 1) };
  const patches = { rows: 2, data: Uint16Array.from({ length: 2 * 6 * 27 }, (_, i) => toF16Bits(i - 70)) };
  const stored = { ...item, signals: { ...item.signals, cls, patches } };
  const dct = { cls: 'dct', patches: 'dct' };
  const mirrored = mirrorItem(stored, dct);
  expect(mirrored).not.toEqual(stored);
  expect(fromF16Bits(mirrored.signals.patches?.data[5 * 27 + 1] ?? 0)).toBe(69);
  expect(mirrorItem(mirrored, dct)).toEqual(stored);
});

test('a joint that was not found stays at zero', () => {
  const pose = { rows: 133, data: new Float32Array(399) };
  const mirrored = mirrorItem({ ...wide(), signals: { pose } }, {});
  expect([...(mirrored.signals.pose?.data ?? [])].every(number => Object.is(number, 0))).toBe(true);
});

test('vectors of an unknown encoder, and those of another length than the encoder makes, are refused', () => {
  expect(() => mirrorItem(wide(), { ...LEARNED, cls: 'other' })).toThrow(
    /no rule mirrors the cls of the encoder other/,
  );
  expect(() => mirrorItem(wide(), { ...LEARNED, patches: 'dct' })).toThrow(/vectors of 3 numbers, and dct makes 27/);
});

test('about a share of the samples is mirrored, by their ordinals, and no picture that must not be', () => {
  const config = tinyConfig({ data: { horizontal_flip_prob: 0.3 }, model: { conditions: {} } });
  const augment = openAugment(config, LEARNED);
  const item = wide();
  const isMirrored = (ordinal: number) => augment(item, ordinal) !== item;
  const ordinals = Array.from({ length: 2000 }, (_, i) => i);
  const mirrored = ordinals.filter(isMirrored);
  // Four standard deviations of a binomial draw.
  expect(Math.abs(mirrored.length / 2000 - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 2000));
  expect(ordinals.filter(isMirrored)).toEqual(mirrored);
  const sided: TrainingItem = { ...item, isSided: true };
  expect(ordinals.every(ordinal => augment(sided, ordinal) === sided)).toBe(true);
});

test('without the key no sample changes', () => {
  const item = wide();
  expect(openAugment(tinyConfig())(item, 3)).toBe(item);
});
