import { describe, expect, test } from 'vitest';
import type { Conditions } from '../../configs/signals.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { packConditions } from './pack-conditions.ts';

const ALL: Conditions = {
  text: { encoder: 'words', dim: 2, tokens: 3 },
  cls: { encoder: 'dct', dim: 2 },
  patches: { encoder: 'dct', dim: 2, stride: 8 },
  pose: { joints: 133, threshold: 0.05 },
};
const one = { shape: [1, 2], data: Float32Array.of(1, 2) };
const two = { shape: [2, 2], data: Float32Array.of(3, 4, 5, 6) };
const four = { shape: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };

describe('packConditions', () => {
  test('each text is padded to the limit, and its tokens are masked in', () => {
    const { tensors } = decodeSafetensors(
      packConditions(ALL, { rows: 2, signals: { text: [one, two] }, negative: {} }),
    );
    expect(Object.keys(tensors).sort()).toEqual(['text', 'text_mask']);
    expect(tensors.text).toMatchObject({ dtype: 'f32', shape: [2, 3, 2] });
    expect([...(tensors.text?.data ?? [])]).toEqual([1, 2, 0, 0, 0, 0, 3, 4, 5, 6, 0, 0]);
    expect(tensors.text_mask).toMatchObject({ dtype: 'f32', shape: [2, 3] });
    expect([...(tensors.text_mask?.data ?? [])]).toEqual([1, 0, 0, 1, 1, 0]);
  });

  test('a text is cut at the limit', () => {
    const { tensors } = decodeSafetensors(packConditions(ALL, { rows: 1, signals: { text: [four] }, negative: {} }));
    expect([...(tensors.text?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(tensors.text_mask?.data ?? [])]).toEqual([1, 1, 1]);
  });

  test('an empty text gets no token', () => {
    const empty = { shape: [0, 2], data: new Float32Array() };
    const { tensors } = decodeSafetensors(packConditions(ALL, { rows: 1, signals: { text: [empty] }, negative: {} }));
    expect(tensors.text?.shape).toEqual([1, 3, 2]);
    expect([...(tensors.text_mask?.data ?? [])]).toEqual([0, 0, 0]);
  });

  test('signals of one shape are stacked, and negative texts lie beside the texts', () => {
    const cls = { shape: [2], data: Float32Array.of(7, 8) };
    const patches = { shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) };
    const pose = { shape: [133, 3], data: Float32Array.from({ length: 399 }, (_, i) => i) };
    const signals = { text: [one, two], cls: [cls, cls], patches: [patches, patches], pose: [pose, pose] };
    const { tensors } = decodeSafetensors(packConditions(ALL, { rows: 2, signals, negative: { text: [one, one] } }));
    expect([...(tensors.negative_text_mask?.data ?? [])]).toEqual([1, 0, 0, 1, 0, 0]);
    expect(tensors.cls).toMatchObject({ shape: [2, 2], data: Float32Array.of(7, 8, 7, 8) });
    expect(tensors.patches).toMatchObject({ shape: [2, 1, 2, 2], data: Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4) });
    expect(tensors.pose?.shape).toEqual([2, 133, 3]);
    expect([...(tensors.pose?.data ?? [])]).toEqual([...pose.data, ...pose.data]);
  });

  test('signals that the model does not have are left out', () => {
    const { text } = ALL;
    const signals = { text: [one], cls: [{ shape: [2], data: one.data }] };
    const { tensors } = decodeSafetensors(packConditions({ text }, { rows: 1, signals, negative: {} }));
    expect(Object.keys(tensors).sort()).toEqual(['text', 'text_mask']);
  });
});
