import { expect, test } from 'vitest';
import { datasetSchema } from './records.ts';

const empty = { v: 1, kind: 'dataset', pages: [], removed: [], counts: {}, rejects: [], links: [] } as const;

test('a dataset written with one entry for both signals of an image encoder is read with one for each', () => {
  const text = { name: 'words', dim: 192, tokens: 64 };
  const image = { name: 'dct', cls_dim: 64, patch_dim: 27, stride: 8 };
  expect(datasetSchema.parse({ ...empty, encoders: { text, image } }).encoders).toEqual({
    text,
    cls: { name: 'dct', dim: 64 },
    patches: { name: 'dct', dim: 27, stride: 8 },
  });
});

test('a dataset names encoders of signals alone', () => {
  const encoders = { cls: { name: 'dct', dim: 64 } };
  expect(datasetSchema.parse({ ...empty, encoders }).encoders).toEqual(encoders);
  expect(datasetSchema.safeParse({ ...empty, encoders: { smell: { name: 'nose' } } }).success).toBe(false);
  expect(datasetSchema.safeParse({ ...empty, encoders: { cls: { dim: 64 } } }).success).toBe(false);
});
