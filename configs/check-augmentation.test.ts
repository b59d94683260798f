import { expect, test } from 'vitest';
import { checkAugmentation } from './check-augmentation.ts';
import { dataSchema } from './schema.ts';
import { conditionsSchema } from './signals.ts';
import { trainedSize } from './trained-size.ts';

const CONDITIONS = conditionsSchema.parse({
  cls: { encoder: 'own', dim: 4 },
  patches: { encoder: 'dct', dim: 27, stride: 8 },
});
const check = (data: object, conditions = CONDITIONS) => checkAugmentation(dataSchema.parse(data), conditions);

test.each([
  [{ horizontal_flip_prob: 0.5 }, 'no rule mirrors the cls of the encoder own'],
  [{ crop_jitter: 12 }, 'data.crop_jitter 12 would cut patches of 8 pixels'],
  [{ condition_noise: { text: 0.1 } }, 'data.condition_noise.text: the model has no text'],
  [{ caption_variants: 'all' }, 'data.caption_variants all: the model has no text'],
])('%j is refused: %s', (data, message) => {
  expect(() => check(data)).toThrow(message);
});

test.each([
  [{ crop_jitter: 16, condition_noise: { cls: 0.1, text: 0 } }, CONDITIONS],
  [{ horizontal_flip_prob: 0.5, crop_jitter: 3 }, {}],
  [{ horizontal_flip_prob: 0, caption_variants: 'first' as const }, CONDITIONS],
])('%j fits its signals', (data, conditions) => {
  expect(() => check(data, conditions)).not.toThrow();
});

test('a crop is smaller than its picture by twice the jitter, and has to be something', () => {
  expect(trainedSize({ width: 80, height: 48, train: 3 }, { crop_jitter: 8 })).toEqual({
    width: 64,
    height: 32,
    train: 3,
  });
  expect(() => trainedSize({ width: 80, height: 16 }, { crop_jitter: 8 })).toThrow(
    /leaves nothing of pictures of 80 x 16/,
  );
});
