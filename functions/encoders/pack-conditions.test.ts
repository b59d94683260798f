import { describe, expect, test } from 'vitest';
import type { Conditions } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { encodeText } from './encoders.ts';
import { packConditions } from './pack-conditions.ts';
import { encodeWords } from './words.ts';

const ALL: Conditions = {
  text: { encoder: 'words', dim: 2, tokens: 3 },
  cls: { encoder: 'dct', dim: 2 },
  patches: { encoder: 'dct', dim: 2, stride: 8 },
  pose: { joints: 133, threshold: 0.05 },
};
const one = { count: 1, data: Float32Array.of(1, 2) };
const two = { count: 2, data: Float32Array.of(3, 4, 5, 6) };

describe('packConditions', () => {
  test('pads each text to the limit and masks what is real', () => {
    const { tensors } = decodeSafetensors(packConditions(ALL, { texts: [one, two] }));
    expect(Object.keys(tensors).sort()).toEqual(['text', 'text_mask']);
    expect(tensors.text).toMatchObject({ dtype: 'f32', shape: [2, 3, 2] });
    expect([...(tensors.text?.data ?? [])]).toEqual([1, 2, 0, 0, 0, 0, 3, 4, 5, 6, 0, 0]);
    expect(tensors.text_mask).toMatchObject({ dtype: 'f32', shape: [2, 3] });
    expect([...(tensors.text_mask?.data ?? [])]).toEqual([1, 0, 0, 1, 1, 0]);
  });

  test('repeats what is the same for all rows', () => {
    const pose = Float32Array.from({ length: 399 }, (_, i) => i);
    const { tensors } = decodeSafetensors(
      packConditions(ALL, {
        texts: [one, two],
        negative: one,
        reference: { cls: Float32Array.of(7, 8), patches: { rows: 1, columns: 2, data: Float32Array.of(1, 2, 3, 4) } },
        pose,
      }),
    );
    expect([...(tensors.negative_text_mask?.data ?? [])]).toEqual([1, 0, 0, 1, 0, 0]);
    expect(tensors.cls).toMatchObject({ shape: [2, 2], data: Float32Array.of(7, 8, 7, 8) });
    expect(tensors.patches).toMatchObject({ shape: [2, 1, 2, 2], data: Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4) });
    expect(tensors.pose?.shape).toEqual([2, 133, 3]);
    expect([...(tensors.pose?.data ?? [])]).toEqual([...pose, ...pose]);
  });

  test('refuses a row for a signal that the model does not have', () => {
    const { text } = ALL;
    const reference = { cls: one.data, patches: { rows: 1, columns: 1, data: one.data } };
    expect(() => packConditions({}, { texts: [one] })).toThrow(Unprocessable);
    expect(() => packConditions({ text }, { texts: [one], reference })).toThrow('a reference picture');
    expect(() => packConditions({ text }, { texts: [one], pose: new Float32Array(399) })).toThrow('a pose');
  });
});

describe('encodeText', () => {
  const text = { encoder: 'words', dim: 192, tokens: 2 };

  test('is the encoder that the config names', () => {
    expect(encodeText({ text }, 'red hat').data).toEqual(encodeWords('red hat').data);
  });

  test('cuts off what is beyond the limit', () => {
    expect(encodeText({ text }, 'a red hat')).toMatchObject({ count: 2, data: { length: 2 * 192 } });
  });

  test('refuses vectors of another length', () => {
    expect(() => encodeText({ text: { ...text, dim: 100 } }, 'x')).toThrow('192 numbers, the model wants 100');
  });
});
