import { expect, test } from 'vitest';
import { conditionDropoutSchema } from './objective.ts';
import {
  COLUMN_NAMES,
  conditionsSchema,
  DROPOUT_CATEGORIES,
  isPadded,
  memberName,
  SIGNAL_NAMES,
  shapeOfSignal,
  signalsOf,
} from './signals.ts';

const conditions = conditionsSchema.parse({
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64 },
  patches: { encoder: 'dct', dim: 27, stride: 8 },
  pose: { joints: 133 },
});
const frame = { height: 48, width: 64, tokens: 24 };

test('members of columns of signals have the names of the shards of the seed', () => {
  expect(COLUMN_NAMES.map(column => memberName(column, '0123'))).toEqual([
    '0123.inspect.json',
    '0123.image.npy',
    '0123.crop.json',
    '0123.mask.npy',
    '0123.txt',
    '0123.scores.json',
    '0123.curate.json',
    '0123.t5h.npy',
    '0123.dinov3.npy',
    '0123.dinov3_patches.npy',
    '0123.pose.npy',
  ]);
});

test('a text has the rows of the longest caption, patches lie on a grid, and joints have a confidence', () => {
  expect(SIGNAL_NAMES.map(name => shapeOfSignal(conditions, name, frame))).toEqual([
    [24, 192],
    [64],
    [6, 8, 27],
    [133, 3],
  ]);
  expect(SIGNAL_NAMES.filter(isPadded)).toEqual(['text']);
});

test('a signal without a condition in the model has no shape', () => {
  const { cls: _, ...others } = conditions;
  expect(shapeOfSignal(others, 'cls', frame)).toBeUndefined();
  expect(shapeOfSignal(undefined, 'text', frame)).toBeUndefined();
  expect(signalsOf(others)).toEqual(['text', 'patches', 'pose']);
});

test('joints below 0.05 count as absent by default', () => {
  expect(conditions.pose).toEqual({ joints: 133, threshold: 0.05 });
});

test('the categories of dropout are those of the seed, in the order of the seed, then text and pose', () => {
  expect(DROPOUT_CATEGORIES.map(({ key, keeps }) => [key, keeps.join(' ')])).toEqual([
    ['p_uncond', ''],
    ['p_text_only', 'text'],
    ['p_dino_cls_only', 'cls'],
    ['p_dino_patches_only', 'patches'],
    ['p_drop_pose', 'text cls patches'],
    ['p_pose_only', 'pose'],
    ['p_text_pose', 'text pose'],
  ]);
});

test('dropout has the shares of the seed by default, and refuses more than all samples', () => {
  expect(conditionDropoutSchema.parse({})).toEqual({
    p_uncond: 0.1,
    p_text_only: 0.25,
    p_dino_cls_only: 0.05,
    p_dino_patches_only: 0.05,
    p_drop_pose: 0.1,
    p_pose_only: 0.05,
  });
  expect(conditionDropoutSchema.safeParse({ p_uncond: 0.9 }).success).toBe(false);
  expect(conditionDropoutSchema.safeParse({ p_text: 0.1 }).success).toBe(false);
});
