import { expect, test } from 'vitest';
import { canonicalDigest } from './canonical.ts';
import { actionSchema, datasetSchema, engineSpecSchema } from './records.ts';

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

test('an engine that was stored before its newer keys is read as it was, and its actions keep their digests', () => {
  const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 };
  expect(engineSpecSchema.parse(engine)).toEqual(engine);
  const action = { v: 1, function: 'sample', version: 1, params: { steps: 4 }, inputs: {}, engine };
  // The digest that this action had then.
  expect(canonicalDigest(actionSchema.parse(action))).toBe(
    'sha256:f0452982e1b5e0c517bfe1ce98f76b9d52eab2f4f5229489a4bd5ad6fad73333',
  );
});

test('an engine stores that bits may differ, and its kernels; that bits are equal is the default and is not stored', () => {
  const engine = { name: 'xla/cuda', precision: 'bf16', threads: 1 };
  const autotune = `sha256:${'a'.repeat(64)}`;
  expect(engineSpecSchema.parse({ ...engine, autotune })).toEqual({ ...engine, autotune });
  expect(engineSpecSchema.parse({ ...engine, deterministic: false })).toEqual({ ...engine, deterministic: false });
  expect(engineSpecSchema.safeParse({ ...engine, deterministic: true }).success).toBe(false);
  expect(engineSpecSchema.safeParse({ ...engine, autotune: 'text' }).success).toBe(false);
});
